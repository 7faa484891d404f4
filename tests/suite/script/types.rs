//! `lamed snippet --types` in a strict TypeScript project.

use std::fs;
use std::process::{Command, Output};

use super::modules;
use crate::support::line;

/// Everything that the types offer: the global, `window.lamed`, and the module.
const RIGHT: &str = r#"
import type { Assignment, Lamed } from "./lamed"

lamed.run("button color", {red() {}, async blue(variant) { variant.toUpperCase() }})
lamed.run("button color")
const variant: string | undefined = lamed.variant("button color")
lamed.complete("order placed", {value: 49.9})
lamed.complete("bought")
lamed.user("ann"); lamed.user(7); lamed.user(null); lamed.user()
lamed.consent(true)
lamed.on("assigned", ({experiment, variant}: Assignment) => { console.log(experiment, variant) })
window.lamed?.complete("bought")
const all: Lamed = lamed
export { all, variant }
"#;

/// Each is one error.
const WRONG: [&str; 8] = [
    "lamed.run(7)",
    "lamed.run('e', {red: 'not a function'})",
    "lamed.variant()",
    "lamed.complete('goal', {value: '7'})",
    "lamed.consent()",
    "lamed.on('asigned', () => {})",
    "window.lamed.complete('it may be missing')",
    "const certain: string = lamed.variant('e'); console.log(certain)",
];

#[test]
fn the_types_compile_in_a_strict_project_and_find_mistakes() {
    let Some(modules) = modules("typescript") else {
        return;
    };
    let project = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(project.path().join(name), text).unwrap();
    let printed = line(&project, &["snippet", "--types"]).run();
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    write("lamed.d.ts", &printed.stdout);
    write(
        "tsconfig.json",
        r#"{"compilerOptions": {
            "strict": true, "noEmit": true, "noUncheckedIndexedAccess": true, "exactOptionalPropertyTypes": true,
            "noImplicitOverride": true, "skipLibCheck": false, "target": "es2018", "module": "esnext",
            "moduleResolution": "bundler", "lib": ["es2018", "dom"], "types": []
        }}"#,
    );
    let check = || -> Output {
        Command::new("node")
            .arg(modules.join("typescript/bin/tsc"))
            .args(["--project", "."])
            .current_dir(&project)
            .output()
            .unwrap()
    };
    write("page.ts", RIGHT);
    // The served module has no types of its own: the project gives its address these.
    write(
        "module.ts",
        "import { complete, run, variant } from \"./lamed\"\nrun(\"e\", {}); complete(\"g\"); export const given = variant(\"e\")\n",
    );
    let output = check();
    assert!(output.status.success(), "{output:?}");
    write("page.ts", &WRONG.join("\n"));
    let output = check();
    let said = String::from_utf8(output.stdout).unwrap();
    for (place, wrong) in WRONG.iter().enumerate() {
        let errors = said.matches(&format!("page.ts({},", place + 1)).count();
        assert_eq!(errors, 1, "{wrong}: {said}");
    }
}
