//! Ports of a session: given when it is made, and at the next launch of one that is older than them.

use crate::model::{PortRange, Ports, Result, Session};
use crate::os;
use crate::store::Draft;
use crate::work::context::Context;

/// The ports that sessions are given; `None` for none.
pub(crate) fn range(context: &Context) -> Result<Option<PortRange>> {
    Ok(context.config()?.ports.range())
}

/// A session as it will most likely be, for a plan before it is made: it is without ports of its own
/// only where there are none left.
pub(crate) fn expected(context: &Context, session: Session) -> Result<Session> {
    let Some(range) = range(context)?.filter(|_| session.ports.is_none()) else { return Ok(session) };
    let ports = context.store()?.likely_ports(range, is_free)?;
    Ok(Session { ports, ..session })
}

/// Begins a session, with ports of its own. Where there are none left that is said.
pub(crate) fn draft(context: &Context, session: Session) -> Result<Draft> {
    let range = range(context)?;
    let draft = context.store()?.draft(session, range)?;
    say_if_none(context, range, draft.session());
    Ok(draft)
}

/// Gives ports to a session that was made before there were any. Under its lock.
pub(crate) fn given(context: &Context, session: Session) -> Result<Session> {
    if session.ports.is_some() {
        return Ok(session);
    }
    let (store, range) = (context.store()?, range(context)?);
    if range.is_none() {
        return Ok(session);
    }
    let session = store.settle_ports(&session, range, is_free)?;
    say_if_none(context, range, &session);
    Ok(session)
}

/// Returns true if nothing listens on any port of a block.
pub(crate) fn is_free(ports: Ports) -> bool {
    os::ports_free(ports.all())
}

/// Tells that there are no ports left, where a session should have some.
pub(crate) fn say_if_none(context: &Context, range: Option<PortRange>, session: &Session) {
    if let Some(none) = none_left(range, session) {
        context.say(&none);
    }
}

/// Returns what a person should know of a session that should have ports, and for which none are left.
pub(crate) fn none_left(range: Option<PortRange>, session: &Session) -> Option<String> {
    let range = range.filter(|_| session.ports.is_none())?;
    Some(format!("session '{}' has no ports: {}", session.name, all_taken(range)))
}

/// Returns the line that there are no ports left.
pub(crate) fn all_taken(range: PortRange) -> String {
    let many = range.blocks();
    let blocks = if many == 1 { "the only block".into() } else { format!("the {many} blocks") };
    format!("{blocks} of [ports] in the settings are taken (cs cleanup, or a wider range)")
}
