//! The role.

use aws_sdk_iam::types::{Role, Tag};

use super::{AwsError, Desired, Step, Work};

impl Work<'_> {
    pub(super) async fn role(&self, step: &Step) -> Result<(), AwsError> {
        let (aws, iam) = (self.aws, &self.aws.iam);
        match step {
            Step::CreateRole => self.create_role().await,
            Step::SetTrust => {
                let desired = self.desired()?;
                let document = desired.trust().to_string();
                aws.call("iam:UpdateAssumeRolePolicy", async || {
                    let update = iam.update_assume_role_policy().role_name(&desired.name);
                    update.policy_document(&document).send().await
                })
                .await
                .map(drop)
            }
            Step::SetBoundary(policy) => {
                let name = self.desired()?.name.as_str();
                aws.call("iam:PutRolePermissionsBoundary", async || {
                    let put = iam.put_role_permissions_boundary().role_name(name);
                    put.permissions_boundary(policy).send().await
                })
                .await
                .map(drop)
            }
            Step::SetRolePolicy(document) => {
                let desired = self.desired()?;
                let policy = desired.policy_name(self.account);
                let document = document.to_string();
                aws.call("iam:PutRolePolicy", async || {
                    let put = iam.put_role_policy().role_name(&desired.name);
                    let put = put.policy_name(&policy);
                    put.policy_document(&document).send().await
                })
                .await
                .map(drop)
            }
            Step::DeleteRolePolicy { role, policy } => self.delete_role_policy(role, policy).await,
            Step::TagRole => {
                let desired = self.desired()?;
                aws.call("iam:TagRole", async || {
                    let tag = iam.tag_role().role_name(&desired.name);
                    tag.set_tags(Some(tags(desired))).send().await
                })
                .await
                .map(drop)
            }
            Step::DeleteRole {
                name,
                policies,
                attached,
            } => self.delete_role(name, policies, attached).await,
            _ => Ok(()),
        }
    }

    async fn create_role(&self) -> Result<(), AwsError> {
        let (aws, iam) = (self.aws, &self.aws.iam);
        let desired = self.desired()?;
        let trust = desired.trust().to_string();
        let arn = aws.create(
            "iam:CreateRole",
            async || {
                let create = iam.create_role().role_name(&desired.name);
                let create = create
                    .assume_role_policy_document(&trust)
                    .set_permissions_boundary(desired.boundary.clone())
                    .set_tags(Some(tags(desired)));
                let created = create.send().await?;
                Ok(created.role.map(made))
            },
            async || {
                let get = async || iam.get_role().role_name(&desired.name).send().await;
                let found = aws.find("iam:GetRole", get).await?;
                Ok(found.map(|found| found.role.map(made)))
            },
        );
        let (arn, created) = arn
            .await?
            .unwrap_or_else(|| (self.account.role(&desired.name), 0));
        let mut made = self.made();
        made.role = Some(arn);
        made.role_created = Some(created);
        Ok(())
    }

    async fn delete_role_policy(&self, role: &str, policy: &str) -> Result<(), AwsError> {
        let delete = async || {
            let delete = self.aws.iam.delete_role_policy().role_name(role);
            delete.policy_name(policy).send().await
        };
        self.aws.remove("iam:DeleteRolePolicy", delete).await
    }

    /// A role goes only when nothing hangs on it.
    async fn delete_role(
        &self,
        name: &str,
        policies: &[String],
        attached: &[String],
    ) -> Result<(), AwsError> {
        let (aws, iam) = (self.aws, &self.aws.iam);
        for policy in policies {
            self.delete_role_policy(name, policy).await?;
        }
        for policy in attached {
            aws.remove("iam:DetachRolePolicy", async || {
                iam.detach_role_policy()
                    .role_name(name)
                    .policy_arn(policy)
                    .send()
                    .await
            })
            .await?;
        }
        aws.remove("iam:DeleteRole", async || {
            iam.delete_role().role_name(name).send().await
        })
        .await
    }
}

/// Its ARN, and when it was made.
fn made(role: Role) -> (String, i64) {
    let created = role.create_date.to_millis().unwrap_or_default();
    (role.arn, created)
}

fn tags(desired: &Desired) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build().ok();
    desired.marked_tags().iter().filter_map(tag).collect()
}
