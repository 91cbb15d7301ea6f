//! How the OpenAPI document describes the types whose JSON is not made of their fields.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::{LastMsg, LastMsgType, SessionId};

/// What the keys of a last message say.
const LAST_MSG: &str = "\
The last message: NIM's JSON object with numbers as keys. Of a message: 0 scene, 1 to, 2 from, 4 \
client type, 5 device id, 6 nick, 7 time, 8 type, 9 body, 10 attach, 11 client id, 12 server id, \
13 resend flag, 15 ext, 28 whether it moves the list, 62 and 63 time and author of an edit. Of a \
recall: 0 time, 1 type, 2 to, 3 and 16 who recalled, 4 ps, 5 attach, 10 and 11 ids of the message, \
14 its time, 15 nick. Ids are strings, as they exceed 2^53; a key whose value is unknown or empty \
is absent.";

impl PartialSchema for SessionId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("`p2p|<account>`, `team|<team id>` or `super_team|<team id>`."))
            .pattern(Some(r"^(p2p|team|super_team)\|[^|]+$"))
            .build()
            .into()
    }
}

impl ToSchema for SessionId {
    fn name() -> Cow<'static, str> {
        "SessionId".into()
    }
}

impl PartialSchema for LastMsgType {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("0: a message. 1: the notice of a recall."))
            .enum_values(Some([Self::Message.number(), Self::Recall.number()]))
            .build()
            .into()
    }
}

impl ToSchema for LastMsgType {
    fn name() -> Cow<'static, str> {
        "LastMsgType".into()
    }
}

impl PartialSchema for LastMsg {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(LAST_MSG));
        object.build().into()
    }
}

impl ToSchema for LastMsg {
    fn name() -> Cow<'static, str> {
        "LastMsg".into()
    }
}
