//! THINK. Which programs the text of a command or of a script starts, as far as that can be told without running it.

/// What starts the program after it, with the number of its own words before that: keywords of the shell, and programs that end by
/// becoming another one. Options, assignments and numbers in between are skipped.
const STARTERS: &[(&str, usize)] = &[
    (".", 0),
    ("!", 0),
    ("ash", 0),
    ("bash", 0),
    ("catatonit", 0),
    ("chroot", 1),
    ("command", 0),
    ("dash", 0),
    ("do", 0),
    ("dumb-init", 0),
    ("elif", 0),
    ("else", 0),
    ("env", 0),
    ("eval", 0),
    ("exec", 0),
    ("gosu", 1),
    ("if", 0),
    ("nice", 0),
    ("nohup", 0),
    ("perl", 0),
    ("python", 0),
    ("python3", 0),
    ("setpriv", 0),
    ("setsid", 0),
    ("sh", 0),
    ("source", 0),
    ("su-exec", 1),
    ("sudo", 0),
    ("then", 0),
    ("time", 0),
    ("timeout", 0),
    ("tini", 0),
    ("until", 0),
    ("while", 0),
];

/// What ends one command and begins another.
const ENDS: &[char] = &['\n', ';', '&', '|', '(', ')', '{', '}', '`'];

/// The program of each command in the text, as it is written there, without quotation marks. What a variable names is not known.
pub(super) fn started(text: &str) -> Vec<String> {
    let is_code = |line: &&str| !line.trim_start().starts_with('#');
    let whole = text.replace("\\\n", " ");
    whole.lines().filter(is_code).flat_map(|line| line.split(ENDS)).filter_map(program).map(ToOwned::to_owned).collect()
}

/// The program that one command starts in the end.
fn program(command: &str) -> Option<&str> {
    let quotes = |word: &str| ['"', '\''].iter().any(|quote| word.starts_with(*quote) || word.ends_with(*quote));
    let bare = |word| if quotes(word) { word.trim_matches(['"', '\'']) } else { word };
    let mut words = command.split_whitespace().map(bare).filter(|word| !is_beside(word));
    loop {
        let word = words.next()?;
        let name = word.rsplit('/').next().unwrap_or(word);
        let Some((_, own)) = STARTERS.iter().find(|(starter, _)| *starter == name) else { return Some(word) };
        for _ in 0..*own {
            words.next()?;
        }
    }
}

/// Whether a word is an option, an assignment, a redirection or a number, and so no program.
fn is_beside(word: &str) -> bool {
    let is_assignment = || {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
        })
    };
    let is_duration = || word.trim_end_matches(['s', 'm', 'h']).parse::<f64>().is_ok();
    word.is_empty() || word.starts_with(['-', '+']) || word.contains(['<', '>']) || is_assignment() || is_duration()
}

#[cfg(test)]
mod tests {
    use super::started;

    #[test]
    fn the_program_that_a_command_starts_in_the_end_is_found() {
        for (text, program) in [
            ("/x/start", "/x/start"),
            ("sh /x/start --now", "/x/start"),
            ("sh -c exec /x/start", "/x/start"),
            ("/bin/bash -ec \"/x/start\"", "/x/start"),
            ("tini -g -- /x/start", "/x/start"),
            ("PGDATA=/d exec gosu postgres \"/x/start\" -D /y", "/x/start"),
            ("nice -n 10 timeout 30s /x/start", "/x/start"),
            ("if ! . /x/start", "/x/start"),
            ("2>/dev/null /x/start >/y/log", "/x/start"),
            ("redis-server /x/redis.conf", "redis-server"),
            ("exec redis-server \\\n  /x/redis.conf", "redis-server"),
        ] {
            assert_eq!(started(text).last().map(String::as_str), Some(program), "{text}");
        }
    }

    #[test]
    fn every_command_of_a_text_is_looked_at() {
        let text = "#!/bin/sh\n# /x/not\n[ -f /y ] && /x/one; d=$(/x/two)\n/x/three | tee /y\n";
        let mut found = started(text);
        found.retain(|program| program.starts_with("/x/"));
        assert_eq!(found, ["/x/one", "/x/two", "/x/three"]);
    }
}
