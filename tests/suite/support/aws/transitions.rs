//! What takes time in AWS and none in moto: a role that Lambda cannot assume yet, a function that is
//! still being made. Time is counted in replies, so that no test has to wait.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, Refusal};

#[derive(Default)]
pub struct Transitions {
    /// How many replies a function's change takes to come through.
    pub replies: usize,
    /// How many functions are refused after a role was made.
    pub refusals: usize,
    /// Aliases that were led to versions which could not take requests yet.
    pub early: Vec<String>,
    /// Functions that failed to become ready, and why.
    pub failed: BTreeMap<String, String>,
    unassumable: usize,
    /// Of `$LATEST`, by function, as the last reply told it.
    runtimes: BTreeMap<String, String>,
    /// What still changes, by `function` or `function:version`, and how many replies it takes.
    changing: BTreeMap<String, (Change, usize)>,
}

/// The runtimes that AWS has given up: it refuses other code for them.
const GIVEN_UP: [&str; 1] = ["python3.8"];

#[derive(Clone, Copy)]
enum Change {
    Creation,
    Update,
}

impl Transitions {
    /// What AWS answers to a call that comes too early. From the documentation of Lambda's function
    /// states: nothing may be done with a pending function, and while an update is in progress its
    /// code, its configuration, its tags and its versions cannot be written.
    pub fn refusal(&mut self, call: &Call, account: &str) -> Option<Refusal> {
        if call.action == "lambda:CreateFunction" && self.unassumable > 0 {
            self.unassumable -= 1;
            return Some(Refusal::new(
                400,
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
            ));
        }
        if !call.writes() || call.operation() == "DeleteFunction" {
            return None;
        }
        let function = function(call)?;
        let runtime = self.runtimes.get(&function).map(String::as_str);
        if let Some(runtime) = runtime.filter(|runtime| GIVEN_UP.contains(runtime))
            && call.operation() == "UpdateFunctionCode"
        {
            return Some(Refusal::new(
                400,
                "InvalidParameterValueException",
                format!(
                    "The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda \
                     functions. We recommend you use a supported runtime while creating or updating functions."
                ),
            ));
        }
        if self.failed.contains_key(&function) && !call.path.contains("/alias") {
            return Some(Refusal::new(
                409,
                "ResourceConflictException",
                "The operation cannot be performed at this time. The function is currently in the following state: Failed",
            ));
        }
        let hinders = match self.changing.get(&function)?.0 {
            Change::Creation => true,
            Change::Update => matches!(
                call.operation(),
                "UpdateFunctionCode"
                    | "UpdateFunctionConfiguration"
                    | "PublishVersion"
                    | "TagResource"
            ),
        };
        let change = hinders.then(|| self.tick(&function)).flatten()?;
        let why = match change {
            Change::Creation => {
                "The function is currently in the following state: Pending".to_owned()
            }
            Change::Update => format!(
                "An update is in progress for resource: arn:aws:lambda:eu-west-1:{account}:function:{function}"
            ),
        };
        Some(Refusal::new(
            409,
            "ResourceConflictException",
            format!("The operation cannot be performed at this time. {why}"),
        ))
    }

    /// Learns from a call that succeeded, and writes into its reply what still changes.
    pub fn passed(&mut self, call: &Call, reply: &mut Value) {
        self.learn(call, reply);
        let version = reply["Version"].as_str().unwrap_or("").to_owned();
        let change = match call.action.as_str() {
            "iam:CreateRole" => {
                self.unassumable = self.refusals;
                return;
            }
            "lambda:CreateFunction" => Change::Creation,
            "lambda:PublishVersion" => Change::Creation,
            "lambda:UpdateFunctionCode" | "lambda:UpdateFunctionConfiguration" if call.writes() => {
                Change::Update
            }
            "lambda:CreateAlias" | "lambda:UpdateAlias" => return self.lead(call, reply),
            "lambda:GetFunction" => return self.show(call, &mut reply["Configuration"]),
            "lambda:GetFunctionConfiguration" => return self.show(call, reply),
            "lambda:DeleteFunction" => {
                if let Some(function) = function(call).filter(|_| !call.path.contains('?')) {
                    self.changing.remove(&function);
                    self.failed.remove(&function);
                }
                return;
            }
            _ => return,
        };
        if self.replies == 0 {
            return;
        }
        let Some(name) = reply["FunctionName"].as_str() else {
            return;
        };
        if call.operation() != "PublishVersion" {
            let change = (change, self.replies);
            self.changing.insert(name.to_owned(), change);
        }
        if !version.is_empty() && version != "$LATEST" {
            let change = (Change::Creation, self.replies);
            self.changing.insert(format!("{name}:{version}"), change);
        }
        change.write(reply);
    }

    /// The runtime of a function. A test may have made it without the proxy: commands read it first.
    fn learn(&mut self, call: &Call, reply: &Value) {
        let configuration = match call.action.as_str() {
            "lambda:GetFunction" => &reply["Configuration"],
            "lambda:CreateFunction"
            | "lambda:GetFunctionConfiguration"
            | "lambda:UpdateFunctionConfiguration" => reply,
            _ => return,
        };
        let field = |name: &str| configuration[name].as_str().map(str::to_owned);
        let is_version = field("Version").is_some_and(|version| version.parse::<u64>().is_ok());
        if let (Some(name), Some(runtime), false) =
            (field("FunctionName"), field("Runtime"), is_version)
        {
            self.runtimes.insert(name, runtime);
        }
    }

    fn lead(&mut self, call: &Call, alias: &Value) {
        let Some(name) = function(call) else { return };
        let version = alias["FunctionVersion"].as_str().unwrap();
        let version = format!("{name}:{version}");
        if self.changing.contains_key(&version) {
            self.early.push(version);
        }
    }

    fn show(&mut self, call: &Call, configuration: &mut Value) {
        let Some(name) = function(call) else { return };
        let key = match configuration["Version"].as_str() {
            Some(version) if version != "$LATEST" => format!("{name}:{version}"),
            _ => name,
        };
        if let Some(change) = self.tick(&key) {
            change.write(configuration);
        }
        if let Some(reason) = self.failed.get(&key) {
            configuration["State"] = json!("Failed");
            configuration["StateReason"] = json!(reason);
        }
    }

    /// One reply more: what was still changing in it.
    fn tick(&mut self, key: &str) -> Option<Change> {
        let (change, left) = self.changing.get_mut(key)?;
        let change = *change;
        *left -= 1;
        if *left == 0 {
            self.changing.remove(key);
        }
        Some(change)
    }
}

impl Change {
    fn write(self, configuration: &mut Value) {
        let (state, value) = match self {
            Self::Creation => ("State", "Pending"),
            Self::Update => ("LastUpdateStatus", "InProgress"),
        };
        configuration[state] = json!(value);
        configuration[format!("{state}Reason")] = json!("The function is being created.");
        configuration[format!("{state}ReasonCode")] = json!("Creating");
    }
}

/// The name of the function that a call to Lambda is about.
fn function(call: &Call) -> Option<String> {
    let path = call.path.split('?').next()?;
    let mut segments = path.split('/').skip(2);
    let name = match segments.next()? {
        "functions" => segments.next()?,
        "tags" => segments.next()?.rsplit("%3A").next()?,
        _ => return None,
    };
    (call.service() == "lambda").then(|| name.to_owned())
}
