//! `tests/abi/abi.json`, which is installed as `share/dlnms/abi.json`: structs, constants and functions of the header for
//! bindings in other languages, made from the header's text and the structs' layout.

use crate::{header, layout, support};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

/// Returns the declarations of a header, one a line, without comments and what the preprocessor alone reads.
fn declarations(header: &str) -> Vec<String> {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, comment)) = rest.split_once("/*") {
        code += before;
        rest = comment.split_once("*/").unwrap().1;
    }
    code += rest;
    let linkage = ["extern \"C\" {", "}"];
    let kept =
        |l: &&str| !l.trim_start().starts_with("//") && !l.starts_with('#') && !linkage.contains(l);
    let lines: Vec<&str> = code.lines().filter(kept).collect();
    let text = lines.join(" ");
    // A semicolon inside braces ends a field.
    let (mut found, mut one, mut depth) = (Vec::new(), String::new(), 0);
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => {
                let words: Vec<&str> = one.split_whitespace().collect();
                found.push(words.join(" "));
                one.clear();
                continue;
            }
            _ => {}
        }
        one.push(c);
    }
    found
}

/// Splits `const double *name[3]` into the name, the type and the number of elements.
fn variable(text: &str) -> (String, String, Option<usize>) {
    if let Some((result, rest)) = text.split_once("(*") {
        let (name, parameters) = rest.split_once(')').unwrap();
        let kind = format!("{} (*){}", result.trim(), parameters.trim());
        return (name.to_owned(), kind, None);
    }
    let (text, count) = match text.split_once('[') {
        Some((text, count)) => (text, count.strip_suffix(']').unwrap().parse().ok()),
        None => (text, None),
    };
    let start = text.rfind(|c: char| !(c.is_alphanumeric() || c == '_'));
    let (kind, name) = text.split_at(start.unwrap() + 1);
    (name.to_owned(), kind.trim().to_owned(), count)
}

/// Splits at the commas outside parentheses.
fn parameters(text: &str) -> Vec<Value> {
    let (mut found, mut one, mut depth) = (Vec::new(), String::new(), 0);
    for c in text.chars().chain([',']) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                found.push(std::mem::take(&mut one));
                continue;
            }
            _ => {}
        }
        one.push(c);
    }
    let named = |text: &String| {
        let (name, kind, count) = variable(text.trim());
        assert!(count.is_none(), "{text}");
        json!({"name": name, "type": kind})
    };
    let void = found.len() == 1 && found[0].trim() == "void";
    found.iter().filter(|_| !void).map(named).collect()
}

/// Returns the fields of a struct with the offsets of the layout; no struct has padding between its fields.
fn fields(name: &str, body: &str, layout: &BTreeMap<&str, usize>) -> Vec<Value> {
    let declared: Vec<_> = body
        .split(';')
        .map(str::trim)
        .filter(|f| !f.is_empty())
        .map(variable)
        .collect();
    let at = |i: usize| match declared.get(i) {
        Some((field, ..)) => layout[format!("{name}.{field}").as_str()],
        None => layout[name],
    };
    let described = declared
        .iter()
        .enumerate()
        .map(|(i, (field, kind, count))| {
            let mut value =
                json!({"name": field, "type": kind, "offset": at(i), "size": at(i + 1) - at(i)});
            if let Some(count) = count {
                value["count"] = json!(count);
            }
            value
        });
    described.collect()
}

/// Returns the constants of a header in their order.
fn constants(header: &str) -> Vec<Value> {
    let defined = header.lines().filter_map(|l| l.strip_prefix("#define "));
    defined
        .filter_map(|l| l.split_once(' '))
        .map(|(name, value)| {
            let value: i64 = value.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
            json!({"name": name, "value": value})
        })
        .collect()
}

fn generated() -> Value {
    let (header, layout) = (header::generated(), layout::layout());
    let sizes = layout.lines().map(|l| l.split_once(' ').unwrap());
    let layout: BTreeMap<&str, usize> = sizes.map(|(n, s)| (n, s.parse().unwrap())).collect();
    let (mut structs, mut handles, mut types, mut functions) = (vec![], vec![], vec![], vec![]);
    for declaration in declarations(&header) {
        if let Some(rest) = declaration.strip_prefix("typedef struct {") {
            let (body, name) = rest.rsplit_once('}').unwrap();
            let (name, size) = (name.trim(), layout[name.trim()]);
            structs
                .push(json!({"name": name, "size": size, "fields": fields(name, body, &layout)}));
        } else if let Some(rest) = declaration.strip_prefix("typedef struct ") {
            handles.push(json!(rest.split_once(' ').unwrap().1));
        } else if let Some(rest) = declaration.strip_prefix("typedef ") {
            let (name, kind, _) = variable(rest);
            types.push(json!({"name": name, "type": kind}));
        } else if let Some((head, rest)) = declaration.split_once('(') {
            let (name, kind, _) = variable(head);
            let rest = rest.strip_suffix(')').unwrap();
            functions.push(json!({"name": name, "returns": kind, "parameters": parameters(rest)}));
        }
    }
    json!({
        "abi_version": dlnms::ABI_VERSION,
        "pointer_size": 8,
        "types": types,
        "handles": handles,
        "constants": constants(&header),
        "structs": structs,
        "functions": functions,
    })
}

#[test]
fn the_committed_description_is_the_generated_one() {
    let wanted = serde_json::to_string_pretty(&generated()).unwrap() + "\n";
    let committed = support::committed("tests/abi/abi.json", &wanted);
    assert!(committed == wanted, "tests/abi/abi.json is stale");
}

/// A C compiler finds in the header what the description says, and nothing of the header is left out.
#[test]
fn the_description_is_true_in_c_and_complete() {
    let abi = generated();
    let list = |of: &str| abi[of].as_array().unwrap().clone();
    let text = |of: &Value, key: &str| of[key].as_str().unwrap().to_owned();
    let mut c = String::from("#include \"dlnms.h\"\n");
    for s in list("structs") {
        let name = text(&s, "name");
        writeln!(c, "_Static_assert(sizeof({name}) == {}, \"\");", s["size"]).unwrap();
        for f in s["fields"].as_array().unwrap() {
            let (field, kind) = (text(f, "name"), text(f, "type"));
            let (size, offset) = (&f["size"], &f["offset"]);
            writeln!(
                c,
                "_Static_assert(sizeof((({name} *)0)->{field}) == {size} && offsetof({name}, {field}) == {offset}, \"\");"
            )
            .unwrap();
            // The address of a field is a pointer to its type, or the compiler refuses.
            let pointer = match (f["count"].as_u64(), kind.split_once("(*)")) {
                (Some(n), _) => format!("{kind} (*p)[{n}]"),
                (None, Some((result, rest))) => format!("{result}(**p){rest}"),
                (None, None) => format!("{kind} *p"),
            };
            writeln!(
                c,
                "void at_{name}_{field}({name} *s) {{ {pointer} = &s->{field}; (void)p; }}"
            )
            .unwrap();
        }
    }
    for f in list("functions") {
        let types = f["parameters"].as_array().unwrap().iter();
        let types: Vec<String> = types.map(|p| text(p, "type")).collect();
        let types = if types.is_empty() {
            "void".to_owned()
        } else {
            types.join(", ")
        };
        let (name, result) = (text(&f, "name"), text(&f, "returns"));
        writeln!(c, "{result} (*const p_{name})({types}) = {name};").unwrap();
    }
    for constant in list("constants") {
        let (name, value) = (text(&constant, "name"), &constant["value"]);
        writeln!(c, "_Static_assert({name} == {value}, \"\");").unwrap();
    }
    let out = tempfile::tempdir().unwrap();
    let source = out.path().join("abi.c");
    std::fs::write(&source, c).unwrap();
    support::run(
        Command::new("gcc")
            .args(["-std=c11", "-fsyntax-only", "-Werror", "-I"])
            .arg(support::root().join("include"))
            .arg(&source),
    );

    let symbols = std::fs::read_to_string(support::root().join("tests/abi/symbols.txt")).unwrap();
    let mut functions: Vec<String> = list("functions").iter().map(|f| text(f, "name")).collect();
    functions.sort();
    assert_eq!(functions, symbols.lines().collect::<Vec<_>>());
    let layout = layout::layout();
    let named = list("structs");
    let fields = named.iter().flat_map(|s| s["fields"].as_array().unwrap());
    assert_eq!(layout.lines().count(), named.len() + fields.count());
}
