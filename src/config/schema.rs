//! The JSON Schema of the config file, for editors and for lamed-config(5).

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};

use super::file::File;

/// The schema, made from the shapes that read the file.
///
/// It is a little more lenient than lamed itself: what several keys mean together is not in it.
#[must_use]
pub fn schema() -> Schema {
    // Draft 7 is what all editors know, and without references an editor shows each description
    // where it stands.
    let mut settings = SchemaSettings::draft07();
    settings.inline_subschemas = true;
    let generator = settings.with_transform(RecursiveTransform(tidy));
    generator.into_generator().into_root_schema_for::<File>()
}

/// Takes out what says nothing to a person, and the line ends of our source.
fn tidy(schema: &mut Schema) {
    schema.remove("format");
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
}

/// A whole number, or the text of one: as [`super::value::whole`] reads it.
pub(super) fn whole_number(first: u64, last: impl Into<u64>) -> Value {
    json!({
        "type": ["integer", "string"],
        "minimum": first,
        "maximum": last.into(),
        "pattern": r"^\s*\+?[0-9]+\s*$",
    })
}

/// Says in the schema what a type takes that is read by hand.
macro_rules! described {
    ($type:ty, $description:literal, $schema:expr) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut schema = schemars::Schema::try_from($schema).unwrap_or_default();
                schema.insert("description".to_owned(), $description.into());
                schema
            }
        }
    };
}
pub(super) use described;
