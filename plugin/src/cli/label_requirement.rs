//! One requirement of a label selector, as kubectl's `-l` takes it.

use serde_json::{Value, json};

/// A requirement on a label, as a manifest's `matchExpressions` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelRequirement {
    key: String,
    operator: &'static str,
    values: Vec<String>,
}

impl LabelRequirement {
    /// As a manifest has it.
    pub(crate) fn expression(&self) -> Value {
        let Self { key, operator, values } = self;
        if values.is_empty() {
            json!({"key": key, "operator": operator})
        } else {
            json!({"key": key, "operator": operator, "values": values})
        }
    }
}

/// Reads `key=value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key`, `!key`.
pub(crate) fn label_requirement(text: &str) -> Result<LabelRequirement, String> {
    let wrong = || {
        format!("\"{text}\" is not a label requirement; write env=prod, env!=test, 'env in (prod,stage)', env or !env")
    };
    let text = text.trim();
    let (key, operator, values) = if let Some((key, list)) = split(text, " notin ") {
        (key, "NotIn", listed(list).ok_or_else(wrong)?)
    } else if let Some((key, list)) = split(text, " in ") {
        (key, "In", listed(list).ok_or_else(wrong)?)
    } else if let Some((key, value)) = text.split_once("!=") {
        (key, "NotIn", vec![value.trim().to_owned()])
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, "In", vec![value.trim().to_owned()])
    } else if let Some(key) = text.strip_prefix('!') {
        (key, "DoesNotExist", Vec::new())
    } else {
        (text, "Exists", Vec::new())
    };
    let key = key.trim();
    let of_a_label = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = !key.is_empty()
        && key.chars().all(|c| of_a_label(c) || c == '/')
        && values.iter().all(|value| value.chars().all(of_a_label));
    if good { Ok(LabelRequirement { key: key.to_owned(), operator, values }) } else { Err(wrong()) }
}

fn split<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    text.split_once(word).map(|(key, list)| (key, list.trim()))
}

fn listed(list: &str) -> Option<Vec<String>> {
    let inner = list.strip_prefix('(')?.strip_suffix(')')?;
    let values: Vec<String> = inner.split(',').map(|value| value.trim().to_owned()).collect();
    (!values.iter().all(String::is_empty)).then_some(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::label_requirement;

    #[test]
    fn a_requirement_is_read_as_kubectl_reads_it() {
        let read = |text: &str| label_requirement(text).map(|requirement| requirement.expression());
        assert_eq!(read("env=prod"), Ok(json!({"key": "env", "operator": "In", "values": ["prod"]})));
        assert_eq!(read("env == prod"), read("env=prod"));
        assert_eq!(read("a.io/b!=c"), Ok(json!({"key": "a.io/b", "operator": "NotIn", "values": ["c"]})));
        assert_eq!(read("t in (a, b)"), Ok(json!({"key": "t", "operator": "In", "values": ["a", "b"]})));
        assert_eq!(read("t notin (a)"), Ok(json!({"key": "t", "operator": "NotIn", "values": ["a"]})));
        assert_eq!(read("env"), Ok(json!({"key": "env", "operator": "Exists"})));
        assert_eq!(read("!env"), Ok(json!({"key": "env", "operator": "DoesNotExist"})));
        for wrong in ["", "=prod", "env in prod", "env in ()", "a b", "a=b,c=d"] {
            assert!(label_requirement(wrong).is_err(), "{wrong}");
        }
    }
}
