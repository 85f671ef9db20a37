//! Which of several series is taken, and what is said of the others.

use super::super::synthetic;
use super::*;

/// Two slices of a CT with this UID and matrix.
fn series(uid: &str, rows: usize, columns: usize) -> Vec<Instance> {
    let slices = synthetic::ct(uid, "1.3", 2, 1.0);
    let read = |object: &synthetic::Object| {
        let (source, file) = synthetic::open(object);
        let mut slice = Instance::from_file(&source, &file).remove(0);
        (slice.rows, slice.columns) = (rows, columns);
        slice
    };
    slices.iter().map(read).collect()
}

fn uids<'a>(all: &[Candidate<'a>]) -> Vec<&'a str> {
    all.iter().map(Candidate::uid).collect()
}

fn ct(instances: &[Instance]) -> Vec<Candidate<'_>> {
    candidates(instances, Modality::Ct)
}

#[test]
fn the_largest_series_has_the_most_voxels() {
    // 800 voxels in long rows, 1800 in a square.
    let instances = [
        series("1.21", 100, 4),
        series("1.22", 30, 30),
        series("1.23", 4, 100),
    ]
    .concat();
    let all = ct(&instances);
    assert_eq!(uids(&all)[0], "1.22");
    assert_eq!(all[0].voxels(), 1800);
    assert_eq!(largest(&all, Modality::Ct).unwrap(), 0);
    let twice = [series("1.22", 30, 30), series("1.24", 20, 45)].concat();
    let why = largest(&ct(&twice), Modality::Ct).unwrap_err().to_string();
    assert!(why.contains("ambiguous: the series 1.22 and 1.24"), "{why}");
    let why = largest(&ct(&[]), Modality::Ct).unwrap_err().to_string();
    assert!(why.contains("none is usable"), "{why}");
}

#[test]
fn of_two_pairs_that_are_equally_good_the_series_that_differ_are_named() {
    let (one, two) = (
        series("1.21", 30, 30),
        [series("1.22", 30, 30), series("1.23", 30, 30)].concat(),
    );
    // The choice does not ask what the second one of a pair is.
    let why =
        |a: &[Instance], b: &[Instance]| largest_pair(&ct(a), &ct(b)).unwrap_err().to_string();
    let of_ct = why(&two, &one);
    assert!(
        of_ct.contains("CT") && of_ct.contains("the series 1.22 and 1.23"),
        "{of_ct}"
    );
    let of_pet = why(&one, &two);
    assert!(
        of_pet.contains("PT") && of_pet.contains("the series 1.22 and 1.23"),
        "{of_pet}"
    );
    assert_eq!(largest_pair(&ct(&one), &ct(&one)).unwrap(), [0, 0]);
}

#[test]
fn a_series_that_was_passed_over_is_smaller_or_does_not_belong_to_the_partner() {
    let (chosen, equal, smaller) = (
        series("1.21", 30, 30),
        series("1.22", 45, 20),
        series("1.23", 29, 31),
    );
    let chosen = &ct(&chosen)[0];
    let reason = |of: &[Instance], partner: Option<&Candidate<'_>>| {
        reason_not_selected(&ct(of)[0], chosen, partner)
    };
    assert_eq!(reason(&equal, None), "another series was chosen");
    assert_eq!(reason(&smaller, None), "smaller than the chosen series");
    assert_eq!(
        reason(&smaller, Some(chosen)),
        "smaller than the chosen series"
    );
    // A partner of another frame of reference, or one of another study that states none.
    let other = |frame: Option<&str>, study: &str| {
        let mut other = series("1.24", 30, 30);
        for slice in &mut other {
            slice.frame_of_reference = frame.map(str::to_owned);
            slice.study_uid = study.into();
        }
        other
    };
    for (frame, study, what) in [
        (Some("1.9"), "1.1", "frame of reference"),
        (None, "1.8", "study"),
    ] {
        let partner = other(frame, study);
        let said = reason(&equal, Some(&ct(&partner)[0]));
        assert_eq!(
            said,
            format!("it does not share the {what} of the chosen CT")
        );
        // The other way round it is the series that states none.
        let said = reason_not_selected(&ct(&partner)[0], chosen, Some(chosen));
        assert_eq!(
            said,
            format!("it does not share the {what} of the chosen CT")
        );
    }
    let partner = other(None, "1.1");
    assert_eq!(
        reason(&equal, Some(&ct(&partner)[0])),
        "another series was chosen"
    );
}

#[test]
fn images_without_a_series_uid_are_no_namesakes() {
    let mut instances = series("1.21", 30, 30);
    let mut pet = series("1.22", 30, 30);
    for slice in instances.iter_mut().chain(&mut pet) {
        slice.series_uid = String::new();
    }
    pet.iter_mut()
        .for_each(|slice| slice.modality = "PT".into());
    instances.extend(pet);
    let all = ct(&instances);
    let said = all[0].refusal().unwrap_or_default();
    assert!(!said.contains("Modality"), "{said}");
}
