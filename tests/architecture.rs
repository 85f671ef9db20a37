//! The rooms of `src/` are as docs/ARCHITECTURE.md has them: imports point down, files make no circle, and `unsafe` stays where it may be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// Rooms that every other room may use, and that use each other from left to right alone.
const GROUND: [&str; 12] = [
    "lock",
    "environment",
    "error",
    "logging",
    "memory_reserve",
    "cancel",
    "process",
    "allocation",
    "regular_file",
    "digest",
    "reading",
    "parallel",
];

/// Every other room, and which it may use beside the ground.
const ROOMS: [(&str, &[&str]); 16] = [
    ("audit", &[]),
    ("cpu_kernels", &[]),
    ("imaging", &[]),
    ("case", &["imaging"]),
    ("bundle", &["imaging"]),
    ("evidence", &["case", "imaging"]),
    ("readers", &["case", "imaging"]),
    ("runtime", &["bundle"]),
    ("engine", &["runtime", "cpu_kernels", "bundle"]),
    ("risk", &["bundle"]),
    (
        "scorer",
        &[
            "audit", "engine", "evidence", "runtime", "bundle", "case", "imaging", "risk",
        ],
    ),
    (
        "explanation",
        &[
            "scorer", "engine", "evidence", "bundle", "case", "imaging", "risk",
        ],
    ),
    (
        "report",
        &[
            "explanation",
            "scorer",
            "risk",
            "engine",
            "evidence",
            "runtime",
            "bundle",
            "case",
            "imaging",
        ],
    ),
    (
        "writers",
        &[
            "scorer", "risk", "engine", "evidence", "runtime", "readers", "bundle", "case",
            "imaging",
        ],
    ),
    (
        "ffi",
        &[
            "writers",
            "audit",
            "report",
            "explanation",
            "scorer",
            "risk",
            "engine",
            "evidence",
            "runtime",
            "readers",
            "bundle",
            "case",
            "imaging",
        ],
    ),
    (
        "bridge",
        &[
            "ffi",
            "writers",
            "report",
            "explanation",
            "scorer",
            "risk",
            "engine",
            "evidence",
            "runtime",
            "readers",
            "bundle",
            "case",
            "imaging",
        ],
    ),
];

/// Rooms where `unsafe` may stand.
const UNSAFE: [&str; 6] = [
    "ffi",
    "bridge",
    "runtime",
    "engine",
    "cpu_kernels",
    "memory_reserve",
];

/// One file of the library.
struct Source {
    path: PathBuf,
    /// Module path below the crate; empty for lib.rs.
    module: Vec<String>,
    syntax: syn::File,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    /// Names that `use` brings into the module, with the paths they stand for. A glob has the name `*`.
    fn imports(&self) -> Vec<(String, Vec<String>)> {
        let mut found = Vec::new();
        for item in &self.syntax.items {
            if let Item::Use(item) = item {
                expand(&item.tree, &mut Vec::new(), &mut found);
            }
        }
        found
    }
}

/// Every name of a tree of imports with its whole path.
fn expand(tree: &UseTree, before: &mut Vec<String>, found: &mut Vec<(String, Vec<String>)>) {
    let with = |last: String, before: &[String]| [before, &[last]].concat();
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            expand(&path.tree, before, found);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            found.push((before.last().cloned().unwrap_or_default(), before.clone()))
        }
        UseTree::Name(name) => {
            found.push((name.ident.to_string(), with(name.ident.to_string(), before)))
        }
        UseTree::Rename(name) => found.push((
            name.rename.to_string(),
            with(name.ident.to_string(), before),
        )),
        UseTree::Glob(_) => found.push(("*".into(), with("*".into(), before))),
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| expand(tree, before, found)),
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| {
        a.path().is_ident("cfg")
            && a.meta
                .require_list()
                .is_ok_and(|l| l.tokens.to_string() == "test")
    })
}

/// Paths that a file names, tests left out.
#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(m) => &m.attrs,
            Item::Fn(f) => &f.attrs,
            Item::Impl(i) => &i.attrs,
            Item::Use(u) => &u.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let mut found = Vec::new();
        expand(&item.tree, &mut Vec::new(), &mut found);
        self.0.extend(found.into_iter().map(|(_, path)| path));
    }

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {
        // `pub(super)` names no item.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0
            .push(path.segments.iter().map(|s| s.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        // Paths in the tokens of a macro, which has no syntax of its own.
        let text = invocation.tokens.to_string().replace(" :: ", "::");
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
        self.0.extend(
            words
                .filter(|w| w.contains("::"))
                .map(|w| w.split("::").map(str::to_owned).collect()),
        );
        visit::visit_macro(self, invocation);
    }
}

/// The library's files by module path.
struct Library {
    files: Vec<Source>,
    by_module: BTreeMap<Vec<String>, usize>,
}

impl Library {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        collect(&root, &root, &mut files);
        let by_module = files
            .iter()
            .enumerate()
            .map(|(n, f)| (f.module.clone(), n))
            .collect();
        Self { files, by_module }
    }

    /// The file that defines what a path leads to from a file; `None` for what is not of this crate.
    fn definition(&self, from: usize, path: &[String], depth: usize) -> Option<usize> {
        let mut module = self.files[from].module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (module, rest) = (Vec::new(), &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|s| s == "super") {
                    module.pop()?;
                    rest = &rest[1..];
                }
            }
            first => {
                // A child module, or a name that an import brought here.
                let child = [module.as_slice(), &[first.to_owned()]].concat();
                if !self.by_module.contains_key(&child) {
                    return self.imported(from, first, &rest[1..], depth);
                }
            }
        }
        while let Some(next) = rest.first() {
            let child = [module.as_slice(), std::slice::from_ref(next)].concat();
            if !self.by_module.contains_key(&child) {
                break;
            }
            (module, rest) = (child, &rest[1..]);
        }
        let here = *self.by_module.get(&module)?;
        match rest.first() {
            Some(name) if here != from => {
                Some(self.imported(here, name, &rest[1..], depth).unwrap_or(here))
            }
            _ => Some(here),
        }
    }

    /// What an import of a file brings there under a name.
    fn imported(&self, file: usize, name: &str, rest: &[String], depth: usize) -> Option<usize> {
        if depth > 8 {
            return None;
        }
        let imports = self.files[file].imports();
        let whole = |path: &[String]| [path, rest].concat();
        if let Some((_, path)) = imports.iter().find(|(n, _)| n == name) {
            return self.definition(file, &whole(path), depth + 1);
        }
        let globs = imports.iter().filter(|(n, _)| n == "*");
        globs
            .filter_map(|(_, path)| {
                let target = self.definition(file, &path[..path.len() - 1], depth + 1)?;
                self.defines(target, name).then_some(target)
            })
            .next()
    }

    fn defines(&self, file: usize, name: &str) -> bool {
        self.files[file].syntax.items.iter().any(|item| match item {
            Item::Struct(i) => i.ident == name,
            Item::Enum(i) => i.ident == name,
            Item::Fn(i) => i.sig.ident == name,
            Item::Const(i) => i.ident == name,
            Item::Type(i) => i.ident == name,
            Item::Trait(i) => i.ident == name,
            _ => false,
        })
    }

    /// Files that each file uses, with a path that shows it.
    fn arrows(&self) -> BTreeMap<usize, BTreeMap<usize, String>> {
        let arrow = |from: usize| {
            let mut paths = Paths::default();
            paths.visit_file(&self.files[from].syntax);
            let mut to = BTreeMap::new();
            for path in paths.0 {
                // An import of a module alone says nothing yet: the names taken through it do.
                let target = self.definition(from, &path, 0).filter(|t| *t != from);
                let is_module = target.is_some_and(|t| self.files[t].module.last() == path.last());
                if let Some(target) = target.filter(|_| !is_module) {
                    to.entry(target).or_insert_with(|| path.join("::"));
                }
            }
            (from, to)
        };
        (0..self.files.len()).map(arrow).collect()
    }

    fn name(&self, file: usize) -> String {
        self.files[file].path.display().to_string()
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("src/bin") {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let short = path.strip_prefix(root).unwrap();
            let parts = short
                .with_extension("")
                .iter()
                .map(|p| p.to_string_lossy().into_owned())
                .collect::<Vec<_>>();
            let module = parts
                .iter()
                .filter(|p| !matches!(p.as_str(), "mod" | "lib"))
                .cloned()
                .collect();
            let syntax =
                syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", short.display()));
            files.push(Source {
                path: short.to_owned(),
                module,
                syntax,
                text,
            });
        }
    }
}

#[test]
fn rooms_use_only_rooms_below_them() {
    let library = Library::read();
    let mut wrong = Vec::new();
    for (from, to) in library.arrows() {
        let room = library.files[from].room();
        let place = GROUND.iter().position(|g| *g == room);
        let allowed = ROOMS
            .iter()
            .find(|(name, _)| *name == room)
            .map(|(_, allowed)| *allowed);
        if room != "lib" && place.is_none() && allowed.is_none() {
            wrong.push(format!(
                "{}: the room {room} is not in the table",
                library.name(from)
            ));
        }
        for (target, path) in to {
            let other = library.files[target].room();
            let ground = GROUND.iter().position(|g| *g == other);
            let fine = room == "lib"
                || room == other
                || other == "lib"
                || ground.is_some_and(|g| place.is_none_or(|p| g < p))
                || allowed.is_some_and(|a| a.contains(&other));
            if !fine {
                wrong.push(format!(
                    "{} uses {} ({path})",
                    library.name(from),
                    library.name(target)
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} arrows point up:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn files_make_no_circle() {
    let library = Library::read();
    let arrows = library.arrows();
    let reach = |from: usize| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            open.extend(arrows[&at].keys().filter(|t| seen.insert(**t)));
        }
        seen
    };
    let reached: Vec<BTreeSet<usize>> = (0..library.files.len()).map(reach).collect();
    let mut knots = BTreeSet::new();
    for file in 0..library.files.len() {
        let knot: BTreeSet<usize> = reached[file]
            .iter()
            .copied()
            .filter(|other| reached[*other].contains(&file))
            .collect();
        if knot.len() > 1 {
            knots.insert(knot);
        }
    }
    let describe = |knot: &BTreeSet<usize>| {
        let pairs = knot.iter().flat_map(|a| knot.iter().map(move |b| (*a, *b)));
        let ties = pairs.filter_map(|(a, b)| {
            Some(format!(
                "  {} -> {} ({})",
                library.name(a),
                library.name(b),
                arrows[&a].get(&b)?
            ))
        });
        ties.collect::<Vec<_>>().join("\n")
    };
    let knots: Vec<String> = knots.iter().map(describe).collect();
    assert!(
        knots.is_empty(),
        "{} circles:\n{}",
        knots.len(),
        knots.join("\n\n")
    );
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let library = Library::read();
    let holds = |f: &&Source| {
        f.text.lines().any(|l| {
            !l.trim_start().starts_with("//")
                && l.split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|w| w == "unsafe")
        })
    };
    let wrong: Vec<String> = library
        .files
        .iter()
        .filter(holds)
        .filter(|f| !UNSAFE.contains(&f.room()))
        .map(|f| f.path.display().to_string())
        .collect();
    assert!(wrong.is_empty(), "unsafe in {wrong:?}");
}

#[test]
fn types_are_shared_between_threads_on_the_librarys_word_only_here() {
    let library = Library::read();
    let lines = library.files.iter().flat_map(|f| f.text.lines());
    let is_promise = |l: &&str| {
        l.starts_with("unsafe impl") && (l.contains(" Send for ") || l.contains(" Sync for "))
    };
    let mut found: Vec<&str> = lines.filter(is_promise).collect();
    found.sort_unstable();
    // `UserData` is the host's pointer, of which the header says from which threads it is used. `LoadedStudy` holds C structs
    // whose pointers lead into what they are stored with. `Pool` is the reserve of memory, which hands out no block twice. The
    // others are what threads of the kernels share while one thread waits for all of them.
    assert_eq!(
        found,
        [
            "unsafe impl Send for LoadedStudy {}",
            "unsafe impl Send for UserData {}",
            "unsafe impl Sync for ConvArgs {}",
            "unsafe impl Sync for Job {}",
            "unsafe impl Sync for LoadedStudy {}",
            "unsafe impl Sync for UserData {}",
            "unsafe impl<A: Arithmetic> Sync for Pooling<A> {}",
            "unsafe impl<const PAGES: usize> Sync for Pool<PAGES> {}",
        ]
    );
}

#[test]
fn environment_variables_are_read_in_one_file_and_documented() {
    let library = Library::read();
    let is_test = |f: &&Source| f.path.ends_with("tests.rs");
    let reads = |f: &&Source| ["env::var", "getenv"].iter().any(|w| f.text.contains(w));
    let mut readers: Vec<String> = library
        .files
        .iter()
        .filter(|f| reads(f) && !is_test(f))
        .map(|f| f.path.display().to_string())
        .collect();
    readers.sort_unstable();
    // The others stand in for ONNX Runtime's own functions, and read what ONNX Runtime asks for.
    assert_eq!(
        readers,
        [
            "environment.rs",
            "runtime/telemetry.rs",
            "runtime/telemetry/unix.rs",
            "runtime/telemetry/windows.rs"
        ]
    );
    let environment = library
        .files
        .iter()
        .find(|f| f.path.ends_with("environment.rs"));
    let quoted = environment.unwrap().text.split('"').skip(1).step_by(2);
    let security = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SECURITY.md");
    let security = std::fs::read_to_string(security).unwrap();
    let mut names = 0;
    for name in quoted {
        names += 1;
        assert!(
            security.contains(&format!("`{name}`")),
            "{name} is not documented"
        );
    }
    assert_eq!(names, 5);
}
