//! Command lines: what goes in, and all that comes out.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{lamed, tools};

/// How long any process of a test may take.
const LIMIT: Duration = Duration::from_mins(1);

/// A command line of lamed, in a home of its own.
pub struct Line {
    command: Command,
    home: PathBuf,
    secrets: Secrets,
}

/// What may stand in no output: asked when all is said.
type Secrets = Option<Box<dyn Fn() -> Vec<String> + Send>>;

/// What became of it. The home is written `~`.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// None for a process that was killed.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// `lamed …` in this home.
pub fn line(home: impl AsRef<Path>, arguments: &[&str]) -> Line {
    let home = home.as_ref();
    let mut command = lamed(home);
    command.args(arguments).stdin(Stdio::null());
    Line {
        command,
        home: home.to_owned(),
        secrets: None,
    }
}

impl Line {
    /// Nothing of what comes out may hold one of these, unless it `asks` for one.
    pub fn without(
        mut self,
        secrets: impl Fn() -> Vec<String> + Send + 'static,
        asks: bool,
    ) -> Self {
        self.secrets = (!asks).then(|| Box::new(secrets) as Box<dyn Fn() -> Vec<String> + Send>);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it by another program, which gets these arguments first.
    pub fn under(self, program: &str, arguments: &[&str]) -> Self {
        let ours = self.command.get_program().to_owned();
        let first = [program].into_iter().chain(arguments.iter().copied());
        let words: Vec<OsString> = first.map(OsString::from).chain([ours]).collect();
        self.by(&words)
    }

    /// Another lamed than the one under test, or what starts it: a program, and its first arguments.
    pub fn by(self, words: &[impl AsRef<OsStr>]) -> Self {
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(self.command.get_args())
            .current_dir(&self.home)
            .stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self { command, ..self }
    }

    /// Runs it, and compares all that comes out.
    #[track_caller]
    pub fn gives(self, code: i32, stdout: &str, stderr: &str) {
        let line = format!("{:?}", self.command);
        let expected = Outcome {
            code: Some(code),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        };
        let outcome = self.run();
        assert!(
            outcome == expected,
            "{line}\n\nexpected {expected}\ngot {outcome}"
        );
    }

    pub fn run(self) -> Outcome {
        self.start().end()
    }

    /// Starts it, for what happens while it runs.
    pub fn start(mut self) -> Running {
        let mut child = (self.command.stdout(Stdio::piped()))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        Running {
            _deadline: Deadline::of(&child),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            said: String::new(),
            stderr: Some(thread::spawn(move || {
                let mut text = String::new();
                stderr.read_to_string(&mut text).map(|_| text)
            })),
            child,
            home: self.home,
            secrets: self.secrets,
        }
    }

    /// Runs it on a terminal, where a person waits for each of these texts and then types the
    /// answer. What the terminal shows, without colours and cursor, is `stdout`. Each path before a form feed in an answer
    /// is a file that somebody else changes before.
    pub fn run_on_terminal(self, dialogue: &[(&str, &str)]) -> Outcome {
        const TERMINAL: &str = r#"
import json, os, pty, sys, termios, time

dialogue, *command = sys.argv[1:]
dialogue = json.loads(dialogue)
pid, terminal = pty.fork()
echoes = lambda: termios.tcgetattr(terminal)[3] & termios.ECHO
if pid == 0:
    os.execv(command[0], command)
shown, answered = b"", 0
while True:
    try:
        news = os.read(terminal, 4096)
    except OSError:  # how Linux says that the other side is closed
        break
    if not news:
        break
    shown += news
    if dialogue and dialogue[0][0].encode() in shown[answered:]:
        answered = len(shown)
        # Questions turn the echo off. What is typed before that may be thrown away, and nothing tells
        # when it is.
        prompt = dialogue[0][0]
        while prompt.endswith((": ", "/N]", "/n]", " anyway", " answers")) and echoes():
            time.sleep(0.001)
        *changed, answer = dialogue.pop(0)[1].split("\f")
        for file in changed:
            with open(file, "a") as file:
                file.write("\n")
        os.write(terminal, answer.encode())
if not echoes():
    sys.stderr.write("the terminal was left without an echo")
if shown.rfind(b"\x1b[?25l") > shown.rfind(b"\x1b[?25h"):
    sys.stderr.write("the terminal was left without a cursor")
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
        let mut command = Command::new(tools().join("venv/bin/python"));
        command
            .args(["-c", TERMINAL, &serde_json::to_string(dialogue).unwrap()])
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .current_dir(&self.home)
            .stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.env("TERM", "xterm");
        let (home, secrets) = (self.home, self.secrets);
        let outcome = Self {
            command,
            home,
            secrets,
        }
        .run();
        Outcome {
            // A carriage return writes over the line.
            stdout: anstream::adapter::strip_str(&outcome.stdout)
                .to_string()
                .lines()
                .filter_map(|line| line.rsplit('\r').next())
                .map(|line| format!("{line}\n"))
                .collect(),
            ..outcome
        }
    }
}

/// A command that was started; killed when it is dropped, or not done in time.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it said on stdout so far.
    said: String,
    stderr: Option<JoinHandle<io::Result<String>>>,
    home: PathBuf,
    secrets: Secrets,
    _deadline: Deadline,
}

impl Running {
    /// Waits until it has said this on stdout; gives all that was said.
    pub fn until(&mut self, text: &str) -> &str {
        while !self.said.contains(text) {
            let read = self.stdout.read_line(&mut self.said).unwrap();
            assert!(read > 0, "it ended without {text}:\n{}", self.said);
        }
        &self.said
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as a service manager would.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Asks it to stop, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal("-INT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub fn end(&mut self) -> Outcome {
        self.stdout.read_to_string(&mut self.said).unwrap();
        let stderr = self.stderr.take().expect("it ends once");
        let text = |text: &str| text.replace(self.home.to_str().unwrap(), "~");
        let outcome = Outcome {
            stdout: text(&self.said),
            stderr: text(&stderr.join().unwrap().unwrap()),
            code: self.child.wait().unwrap().code(),
        };
        for secret in self.secrets.iter().flat_map(|secrets| secrets()) {
            let quoted = serde_json::Value::from(secret.as_str()).to_string();
            for shape in [&secret, &quoted[1..quoted.len() - 1].to_owned()] {
                let told = outcome.stdout.contains(shape) || outcome.stderr.contains(shape);
                assert!(!told, "it tells `{secret}`: {outcome}");
            }
        }
        outcome
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            code,
            stdout,
            stderr,
        } = self;
        match code {
            Some(code) => writeln!(f, "exit {code}")?,
            None => writeln!(f, "killed")?,
        }
        write!(f, "--- stdout\n{stdout}--- stderr\n{stderr}---\n")
    }
}

/// Kills a process that takes too long, unless dropped before: a hang fails instead of blocking.
pub struct Deadline(#[expect(dead_code, reason = "its drop tells the thread")] Sender<()>);

impl Deadline {
    pub fn of(child: &Child) -> Self {
        Self::within(LIMIT, child)
    }

    pub fn within(limit: Duration, child: &Child) -> Self {
        let pid = child.id().to_string();
        let (over, news) = channel();
        thread::spawn(move || {
            if news.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                eprintln!("killing process {pid}: not done within {limit:?}");
                let _ = Command::new("kill").args(["-KILL", &pid]).status();
            }
        });
        Self(over)
    }
}
