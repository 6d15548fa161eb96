//! `cs profile create NAME`.

use super::super::report;
use crate::cli::{CreateArgs, TokenAs};
use crate::model::{Failure, Outcome, ProfileKind, Result, TokenSource, VarName};
use crate::work::context::Context;
use crate::work::profiles::create::{Made, ProfileDescription, create};

pub(super) fn run(context: &Context, args: &CreateArgs) -> Result<Outcome> {
    let name = Context::new_name(&args.name)?;
    let description = ProfileDescription {
        provider: args.provider.as_deref(),
        base_url: args.base_url.as_deref(),
        model: args.model.as_deref(),
        token: token_source(context, args)?,
        api_key: args.token_as.map(|kind| kind == TokenAs::ApiKey),
        bare: args.bare,
        inherit: args.inherit.as_deref(),
    };
    let Made { kind, host } = create(context, &name, &description)?;
    report::say(&match &host {
        Some(host) => format!("made profile '{name}', which works in the config directory of '{host}'"),
        None => format!("made profile '{name}'"),
    });
    match &kind {
        ProfileKind::Account if host.is_some() => {}
        ProfileKind::Account => report::say(&format!("to log in: cs profile login {name}")),
        ProfileKind::Api(endpoint) => {
            if matches!(endpoint.token, TokenSource::Literal(_)) {
                report::say(&format!(
                    "the token is in {} in plain text; a variable, a command or a file is safer: cs profile edit {name}",
                    context.store()?.profile_record_path(&name).display()
                ));
            }
            report::say(&format!("to use it: cs {name}, or cs --profile {name} SESSION"));
        }
    }
    Ok(Outcome::Done)
}

/// Returns where the token comes from, if the options say.
fn token_source(context: &Context, args: &CreateArgs) -> Result<Option<TokenSource>> {
    if let Some(name) = &args.token_env {
        return Ok(Some(TokenSource::Variable(VarName::new(name).map_err(Failure::usage)?)));
    }
    if let Some(command) = &args.token_command {
        return Ok(Some(TokenSource::Command(command.clone())));
    }
    if let Some(file) = &args.token_file {
        let file = context.absolute(file).map_err(|error| Failure::io("use", file, &error))?;
        return Ok(Some(TokenSource::File(file)));
    }
    if let Some(token) = &args.token {
        return Ok(Some(TokenSource::Literal(token.clone())));
    }
    Ok(None)
}
