//! The databases that laws, demo and bench run on: a folder for each engine, with how it is deployed, asked, written to by the
//! load, and disturbed.

pub(crate) mod couchdb;
pub(crate) mod mongodb;
pub(crate) mod postgres;
pub(crate) mod redis;
