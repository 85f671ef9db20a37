//! Graphs, and the tables of a manifest that say where their tensors lie: whatever contradicts is refused by name.

use crate::bundle::scorer;
use crate::support;
use dlnms::bundle::{Digest, Manifest};
use dlnms::error::status::*;
use dlnms::runtime::provider::{Kernels, Policy, Provider};
use dlnms::scorer::{CancelToken, Scorer, ScorerOptions};
use serde_json::{Value, json};

/// A field of a protocol buffer that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    if number > 15 {
        field = vec![(number << 3 | 2) | 0x80, number >> 4];
    }
    assert!(bytes.len() < 1 << 14);
    field.extend([bytes.len() as u8 | 0x80, (bytes.len() >> 7) as u8]);
    field.extend(bytes);
    field
}

/// A float tensor of 4 values that lie in another file.
fn tensor_in(file: &str) -> Vec<u8> {
    let location = [field(1, b"location"), field(2, file.as_bytes())].concat();
    let mut tensor = vec![1 << 3, 4, 2 << 3, 1];
    tensor.extend(field(8, b"elsewhere"));
    tensor.extend(field(13, &location));
    tensor.extend([14 << 3, 1]);
    tensor
}

#[test]
fn tensors_in_other_files_are_refused_before_onnx_runtime_sees_the_model() {
    let sound = std::fs::read(support::tiny_bundle().join("tiny.onnx")).unwrap();
    // Two graphs in a file are one, with what both have.
    let with = |graph: Vec<u8>| [sound.clone(), field(7, &graph)].concat();
    let node =
        |attribute: Vec<u8>| field(1, &[field(4, b"Identity"), field(5, &attribute)].concat());
    let beside = tensor_in("weights.bin");
    let inner = field(5, &beside);
    let cases = [
        ("beside the model", with(field(5, &beside)), "external data"),
        (
            "above",
            with(field(5, &tensor_in("../weights.bin"))),
            "external data",
        ),
        (
            "absolute",
            with(field(5, &tensor_in("/etc/hostname"))),
            "external data",
        ),
        (
            "sparse values",
            with(field(15, &field(1, &beside))),
            "external data",
        ),
        (
            "an attribute",
            with(node(field(5, &beside))),
            "external data",
        ),
        (
            "a list of an attribute",
            with(node(field(10, &beside))),
            "external data",
        ),
        (
            "a graph in a node",
            with(node(field(6, &inner))),
            "external data",
        ),
        (
            "a function",
            [
                sound.clone(),
                field(25, &field(7, &field(5, &field(5, &beside)))),
            ]
            .concat(),
            "external data",
        ),
        (
            "an engine",
            with(field(1, &field(4, b"EPContext"))),
            "EPContext",
        ),
        ("no model", b"\xff\xff\xff\xff".to_vec(), "does not fit"),
        ("the other format", b"\0\0\0\0ORTM".to_vec(), "format"),
    ];
    for (what, model, word) in cases {
        let error = with_graph(&model)
            .prepare(None, &CancelToken::default())
            .unwrap_err();
        assert_eq!(error.status(), DLNMS_E_BUNDLE_MODEL, "{what}: {error}");
        assert!(error.to_string().contains(word), "{what}: {error}");
    }
}

/// A scorer of the tiny bundle with another graph, of which the manifest knows the digest.
fn with_graph(graph: &[u8]) -> Scorer {
    scorer(|manifest, dir| {
        let digest = Digest::from_bytes(graph);
        manifest["files"][1]["bytes"] = json!(digest.bytes);
        manifest["files"][1]["sha256"] = json!(digest.sha256);
        std::fs::write(dir.join("tiny.onnx"), graph).unwrap();
        std::fs::write(dir.join("weights.bin"), [0; 16]).unwrap();
    })
}

/// Replaces the one place of `from` by `to`, which is as long.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<_> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert_eq!((places.len(), from.len()), (1, to.len()), "{from:?}");
    let mut bytes = bytes.to_vec();
    bytes[places[0]..][..to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn a_graph_takes_tensors_from_where_the_manifest_says_and_nowhere_else() {
    let graph = std::fs::read(support::tiny_bundle().join("tiny.onnx")).unwrap();
    assert!(
        with_graph(&graph)
            .prepare(None, &CancelToken::default())
            .is_ok()
    );
    let text = |key: &str, value: &str| [field_short(1, key), field_short(2, value)].concat();
    for (what, changed) in [
        (
            "another offset",
            replaced(&graph, &text("offset", "0"), &text("offset", "4")),
        ),
        (
            "another length",
            replaced(&graph, &text("length", "144"), &text("length", "140")),
        ),
        (
            "another offset, as no number",
            replaced(&graph, &text("offset", "0"), &text("offset", "-")),
        ),
        (
            "no offset",
            replaced(&graph, &field_short(1, "offset"), &field_short(1, "length")),
        ),
        (
            "another key",
            replaced(&graph, &field_short(1, "offset"), &field_short(1, "ossett")),
        ),
        ("another file", replaced(&graph, b"tiny.f32", b"tiny.f16")),
    ] {
        let error = with_graph(&changed)
            .prepare(None, &CancelToken::default())
            .unwrap_err();
        assert_eq!(error.status(), DLNMS_E_BUNDLE_MODEL, "{what}: {error}");
        assert!(error.to_string().contains("manifest"), "{what}: {error}");
    }
    // The manifest's side of it: a file that is longer, and a tensor further behind in it, of another shape or type.
    let edits: [fn(&mut Value); 4] = [
        |tensor| tensor["offset"] = json!(64),
        |tensor| tensor["shape"] = json!([36]),
        |tensor| (tensor["type"], tensor["shape"]) = (json!("float16"), json!([12, 6])),
        |tensor| tensor["name"] = json!("v"),
    ];
    for edit in edits {
        let scorer = scorer(|manifest, dir| {
            let longer = [std::fs::read(dir.join("tiny.f32")).unwrap(), vec![0; 64]].concat();
            let digest = Digest::from_bytes(&longer);
            std::fs::write(dir.join("tiny.f32"), longer).unwrap();
            let file = &mut manifest["files"][0];
            file["bytes"] = json!(digest.bytes);
            file["sha256"] = json!(digest.sha256);
            edit(&mut file["tensors"][0]);
        });
        let error = scorer.prepare(None, &CancelToken::default()).unwrap_err();
        assert_eq!(error.status(), DLNMS_E_BUNDLE_MODEL, "{error}");
        assert!(error.to_string().contains("manifest"), "{error}");
    }
}

/// A field of a protocol buffer that holds a short text.
fn field_short(number: u8, text: &str) -> Vec<u8> {
    [&[number << 3 | 2, text.len() as u8], text.as_bytes()].concat()
}

/// Whether a manifest is refused, and for what.
fn refusal(manifest: &Value) -> Option<String> {
    let refused = Manifest::parse(manifest.to_string().as_bytes()).err()?;
    assert_eq!(refused.status(), DLNMS_E_BUNDLE_MANIFEST, "{refused}");
    Some(refused.to_string())
}

#[test]
fn tables_that_contradict_themselves_are_refused_by_field() {
    let text = std::fs::read(support::bundle().join("manifest.json")).unwrap();
    let sound: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(refusal(&sound), None);
    assert_eq!(sound["files"][0]["name"], "backbones.f32");
    let last = sound["files"][0]["tensors"].as_array().unwrap().len() - 1;
    let end = sound["files"][0]["bytes"].as_u64().unwrap();
    let edits: [(&str, Value, &str); 26] = [
        (
            "/files/0/tensors/1/offset",
            json!(0),
            "files[0].tensors[1].offset: 0 lies before",
        ),
        (
            "/files/0/tensors/1/offset",
            json!(37700),
            "not a multiple of 64",
        ),
        ("/files/0/tensors/1/offset", json!(-64), "invalid value"),
        (
            &format!("/files/0/tensors/{last}/offset"),
            json!(end / 64 * 64),
            "pass the end of the file",
        ),
        (
            &format!("/files/0/tensors/{last}/offset"),
            json!(u64::MAX - 63),
            "pass the end of the file",
        ),
        (
            "/files/0/tensors/0/bytes",
            json!(37628),
            "files[0].tensors[0].bytes",
        ),
        (
            "/files/0/tensors/0/shape/0",
            json!(0),
            "files[0].tensors[0].bytes",
        ),
        (
            "/files/0/tensors/0/shape/0",
            json!(u64::MAX),
            "files[0].tensors[0].bytes",
        ),
        (
            "/files/0/tensors/0/shape",
            json!([9408, 1, 1, 1, 1, 1, 1, 1, 1]),
            "files[0].tensors[0].bytes",
        ),
        (
            "/files/0/tensors/0/shape",
            json!([64, 3, 49]),
            "backbones: tensor \"n1.pet.stem.w\" has shape",
        ),
        (
            "/files/0/tensors/0/type",
            json!("float16"),
            "files[0].tensors[0].bytes",
        ),
        ("/files/0/tensors/0/type", json!("int8"), "int8"),
        (
            "/files/0/tensors/0/name",
            json!(""),
            "files[0].tensors[0].name",
        ),
        (
            "/files/0/tensors/0/name",
            json!("n1.pet.stem.b"),
            "stands twice",
        ),
        (
            "/files/0/tensors/0/name",
            json!("n1.pet.stem.v"),
            "lacks the tensor \"n1.pet.stem.w\"",
        ),
        (
            "/files/0/bytes",
            json!(end - 64),
            "pass the end of the file",
        ),
        ("/files/0/name", json!("heads.f32"), "files[1].name"),
        ("/files/3/name", json!("manifest.json"), "files[3].name"),
        (
            "/models/0/graph/weights/0",
            json!("dlnms.onnx"),
            "models[0].graph.weights[0]",
        ),
        (
            "/models/0/graph/weights/0",
            json!("absent"),
            "models[0].graph.weights[0]: \"absent\" is not in files",
        ),
        (
            "/models/0/graph/weights",
            json!(["backbones.f32", "dlnms.f16"]),
            "lies in two files",
        ),
        (
            "/models/0/graph/file",
            json!("heads.f32"),
            "models[0].graph.file",
        ),
        (
            "/backbones/names/0",
            json!("n3.pet"),
            "lacks the tensor \"n3.pet.stem.w\"",
        ),
        ("/backbones/names", json!(["n1.pet"]), "is of no layer"),
        ("/backbones/layers/0/kernel", json!(5), "has shape"),
        ("/backbones", Value::Null, "kernel_graph: backbones is null"),
    ];
    for (pointer, value, word) in edits {
        let mut manifest = sound.clone();
        *manifest.pointer_mut(pointer).unwrap() = value.clone();
        let refused =
            refusal(&manifest).unwrap_or_else(|| panic!("{pointer} {value}: was accepted"));
        assert!(refused.contains(word), "{pointer} {value}: {refused}");
    }
}

#[test]
fn backbones_of_other_layers_are_computed_by_onnx_runtime_and_the_reason_is_said() {
    for (pointer, value) in [
        ("/backbones/layers/1/stride", json!(2)),
        ("/backbones/layers/4/name", json!("4.2.conv1")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        for file in support::bundle().read_dir().unwrap().flatten() {
            std::os::unix::fs::symlink(file.path(), dir.path().join(file.file_name())).unwrap();
        }
        let text = std::fs::read_to_string(support::bundle().join("manifest.json")).unwrap();
        // The tensors too, so that the manifest agrees with itself.
        let text = if pointer.contains("name") {
            text.replace(".4.1.conv2.", ".4.2.conv1.")
        } else {
            text
        };
        let mut manifest: Value = serde_json::from_str(&text).unwrap();
        *manifest.pointer_mut(pointer).unwrap() = value;
        std::fs::remove_file(dir.path().join("manifest.json")).unwrap();
        std::fs::write(dir.path().join("manifest.json"), manifest.to_string()).unwrap();
        let mut policy = Policy::strict(Provider::Cpu);
        policy.entries[0].kernels = Some(Kernels::Dlnms);
        let options = ScorerOptions {
            policy,
            threads: 1,
            ..ScorerOptions::default()
        };
        let scorer = Scorer::new(support::runtime(), dir.path(), options).unwrap();
        let refused = scorer.prepare(None, &CancelToken::default()).unwrap_err();
        assert_eq!(refused.status(), DLNMS_E_PROVIDER_UNAVAILABLE, "{refused}");
        let words = ["backbones.layers", "this processor"];
        assert!(
            words.iter().any(|w| refused.to_string().contains(w)),
            "{refused}"
        );
    }
}
