//! The paths of the REST API, and their methods.

use super::{Planner, mapped};
use crate::deploy::desired::DesiredMethod;
use crate::deploy::observed::Resource;
use crate::deploy::plan::step::{Group, Plan, Step, Words};
use crate::deploy::read::called_function;

impl Planner<'_> {
    pub(super) fn path(&self, plan: &mut Plan, path: &str) {
        let there = self.api.and_then(|api| api.resources.get(path));
        if there.is_none() {
            let step = Step::CreateResource(path.to_owned());
            plan.push(
                Group::Path(path.to_owned()),
                step,
                Words::create("path", format!("/{path}")),
            );
        }
        for method in self
            .desired
            .methods
            .iter()
            .filter(|method| method.path == path)
        {
            self.method(plan, method, there);
        }
        self.preflight(plan, path, there);
    }

    fn method(&self, plan: &mut Plan, wanted: &DesiredMethod, there: Option<&Resource>) {
        let DesiredMethod {
            path,
            verb,
            function,
            ..
        } = wanted;
        let group = Group::Method(path.clone(), (*verb).to_owned());
        let name = format!("{verb} /{path}");
        let put = |replace| Step::PutMethod {
            path: path.clone(),
            verb: (*verb).to_owned(),
            replace,
        };
        let Some(there) = there.and_then(|resource| resource.methods.get(*verb)) else {
            let words = Words::create("method", name).detail(format!("→ {function}"));
            let words = if wanted.key_required {
                words.detail("API key required")
            } else {
                words
            };
            plan.push(group, put(false), words);
            return;
        };
        let mut details = Vec::new();
        if there.key_required != wanted.key_required {
            let needs = |key| {
                if key {
                    "API key required"
                } else {
                    "no API key required"
                }
            };
            let (from, to) = (needs(there.key_required), needs(wanted.key_required));
            details.push(format!("{from} → {to}"));
        }
        if there.request_parameters != wanted.request_parameters {
            details.push("request parameters".to_owned());
        }
        if !details.is_empty() {
            plan.push(
                group,
                put(true),
                Words::update("method", name).details(details),
            );
            return;
        }
        let uri = self.account.integration(function);
        let details = match &there.integration {
            None => vec![format!("→ {function}")],
            Some(there) => {
                let mut details = Vec::new();
                if there.kind != "AWS_PROXY" {
                    details.push(format!("{} → AWS_PROXY", there.kind));
                }
                if there.uri.as_ref() != Some(&uri) {
                    let from = there
                        .uri
                        .as_deref()
                        .and_then(called_function)
                        .unwrap_or_default();
                    details.push(format!("{from} → {function}"));
                }
                if there.credentials.is_some() {
                    details.push("remove the role's credentials".to_owned());
                }
                details
            }
        };
        if !details.is_empty() {
            let step = Step::PutIntegration {
                path: path.clone(),
                verb: (*verb).to_owned(),
            };
            plan.push(group, step, Words::update("method", name).details(details));
        }
    }

    fn preflight(&self, plan: &mut Plan, path: &str, there: Option<&Resource>) {
        let Some(headers) = self.desired.preflights.get(path) else {
            return;
        };
        let there = there.and_then(|resource| resource.methods.get("OPTIONS"));
        let wanted = mapped("method.response.header.", headers);
        let same = there.is_some_and(|there| {
            let mock = there
                .integration
                .as_ref()
                .filter(|integration| integration.kind == "MOCK");
            !there.key_required && mock.is_some_and(|mock| mock.headers == wanted)
        });
        if same {
            return;
        }
        let allowed = (headers.iter())
            .find(|(name, _)| name == "Access-Control-Allow-Methods")
            .map_or("", |(_, value)| value);
        let name = format!("OPTIONS /{path}");
        let words = if there.is_some() {
            Words::update("method", name)
        } else {
            Words::create("method", name)
        };
        plan.push(
            Group::Method(path.to_owned(), "OPTIONS".to_owned()),
            Step::PutPreflight {
                path: path.to_owned(),
                replace: there.is_some(),
            },
            words.detail(format!("allows {allowed}")),
        );
    }

    /// Paths to functions of lamed that are no longer wanted. Those of others are none of our
    /// business.
    pub(super) fn unwanted_paths(&self, plan: &mut Plan) {
        let wanted = self.desired.paths();
        let resources = self.api.iter().flat_map(|api| &api.resources);
        for (path, resource) in resources.filter(|(path, _)| !wanted.contains(path.as_str())) {
            let ours = resource.methods.values().any(|method| {
                let uri = method.integration.as_ref().and_then(|i| i.uri.as_deref());
                let function = uri.and_then(called_function);
                function.is_some_and(|name| self.observed.functions.contains_key(&name))
            });
            if ours {
                plan.push(
                    Group::Path(path.clone()),
                    Step::DeleteResource(path.clone()),
                    Words::delete("path", format!("/{path}")).destructive(),
                );
            }
        }
    }
}
