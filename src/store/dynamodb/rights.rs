//! What a user of the table has to be allowed.

/// The attributes that make the key of an item, both texts.
pub const KEYS: [&str; 2] = ["pk", "sk"];

/// The attribute that says when an item expires, in seconds since 1970.
pub const EXPIRY: &str = super::items::TTL;

/// All that the store does with the table. A transaction takes the rights of what it consists of.
///
/// Source: "Amazon DynamoDB transactions: how it works", AWS documentation.
pub const PERMISSIONS: [&str; 8] = [
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The rights that an operation, or a part of a transaction, takes.
    fn rights(word: &str) -> &'static [&'static str] {
        match word {
            "BatchGetItem" => &["BatchGetItem"],
            // A right of its own covers what it puts and deletes.
            "BatchWriteItem" => &["BatchWriteItem"],
            "ConditionCheck" => &["ConditionCheckItem"],
            "Delete" | "DeleteItem" => &["DeleteItem"],
            "GetItem" | "TransactGetItems" => &["GetItem"],
            "Put" | "PutItem" => &["PutItem"],
            "Query" => &["Query"],
            "Update" | "UpdateItem" => &["UpdateItem"],
            _ => &[],
        }
    }

    #[test]
    fn the_rights_are_those_of_what_the_store_does() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/dynamodb");
        let mut used = BTreeSet::new();
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.ends_with("rights.rs") {
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            let words = text.split('"').skip(1).step_by(2);
            used.extend(
                words
                    .flat_map(rights)
                    .map(|right| format!("dynamodb:{right}")),
            );
        }
        let listed: BTreeSet<String> = PERMISSIONS.map(str::to_owned).into();
        assert_eq!(used, listed);
    }
}
