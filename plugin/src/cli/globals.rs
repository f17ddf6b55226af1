//! kubectl's own client flags, under kubectl's own names.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use stateful_cluster::connection::ClientOptions;

use crate::failure::Failure;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table.
    Table,
    /// A table with more columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Names only.
    Name,
}

/// Flags every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Client flags")]
pub(crate) struct Globals {
    /// Output format: table, wide, json, yaml, name
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) output: Output,
    /// When to use colours: auto, always, never (NO_COLOR and CLICOLOR_FORCE are honoured)
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub(crate) color: ColorWhen,
    /// Namespace of the database
    #[arg(short, long, global = true, value_name = "NS")]
    namespace: Option<String>,
    /// Path to the kubeconfig file
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig to use
    #[arg(long, global = true)]
    context: Option<String>,
    /// Cluster of the kubeconfig to use
    #[arg(long, global = true, hide_short_help = true)]
    cluster: Option<String>,
    /// User of the kubeconfig to use
    #[arg(long, global = true, hide_short_help = true)]
    user: Option<String>,
    /// Address of the API server
    #[arg(short, long, global = true, hide_short_help = true)]
    server: Option<String>,
    /// How long one request to the API server may take (1s, 2m; 0 is the default of 65s)
    #[arg(long, global = true, value_name = "DURATION", value_parser = super::quantities::duration, hide_short_help = true)]
    request_timeout: Option<Duration>,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER", hide_short_help = true)]
    impersonate: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", hide_short_help = true)]
    impersonate_groups: Vec<String>,
    /// UID to impersonate
    #[arg(long = "as-uid", global = true, value_name = "UID", hide_short_help = true)]
    impersonate_uid: Option<String>,
    /// Extra to impersonate, key=value; may be repeated
    #[arg(long = "as-user-extra", global = true, value_name = "KEY=VALUE", hide_short_help = true)]
    impersonate_extra: Vec<String>,
    /// Bearer token (visible to other users of this machine: prefer a kubeconfig)
    #[arg(long, global = true, hide_short_help = true)]
    token: Option<String>,
    /// The API server's certificate authority
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    certificate_authority: Option<PathBuf>,
    /// Client certificate
    #[arg(long, global = true, value_name = "FILE", requires = "client_key", hide_short_help = true)]
    client_certificate: Option<PathBuf>,
    /// Client key
    #[arg(long, global = true, value_name = "FILE", requires = "client_certificate", hide_short_help = true)]
    client_key: Option<PathBuf>,
    /// Name to verify in the API server's certificate
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    tls_server_name: Option<String>,
    /// Do not verify the API server's certificate
    #[arg(long, global = true, hide_short_help = true)]
    insecure_skip_tls_verify: bool,
    /// Do not compress answers of the API server
    #[arg(long, global = true, hide_short_help = true)]
    disable_compression: bool,
    /// Accepted because kubectl has it; this tool keeps no cache
    #[arg(long, global = true, value_name = "DIR", hide = true)]
    cache_dir: Option<PathBuf>,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Globals {
    /// The namespace, if one was named: the guard has a default of its own.
    pub(crate) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The flags for the connection. Destructured as a whole, so that a flag added above and forgotten here does not compile.
    pub(crate) fn client_options(&self) -> Result<ClientOptions, Failure> {
        let Self {
            output: _,
            color: _,
            namespace,
            kubeconfig,
            context,
            cluster,
            user,
            server,
            request_timeout,
            impersonate,
            impersonate_groups,
            impersonate_uid,
            impersonate_extra,
            token,
            certificate_authority,
            client_certificate,
            client_key,
            tls_server_name,
            insecure_skip_tls_verify,
            disable_compression,
            cache_dir: _,
        } = self;
        if namespace.as_deref() == Some("") {
            return Err(Failure::usage("--namespace is empty"));
        }
        Ok(ClientOptions {
            kubeconfig: kubeconfig.clone(),
            context: context.clone(),
            cluster: cluster.clone(),
            user: user.clone(),
            namespace: namespace.clone(),
            server: server.clone(),
            request_timeout: *request_timeout,
            impersonate: impersonate.clone(),
            impersonate_groups: impersonate_groups.clone(),
            impersonate_uid: impersonate_uid.clone(),
            impersonate_extra: impersonate_extra.clone(),
            token: token.clone(),
            certificate_authority: certificate_authority.clone(),
            client_certificate: client_certificate.clone(),
            client_key: client_key.clone(),
            tls_server_name: tls_server_name.clone(),
            insecure: *insecure_skip_tls_verify,
            disable_compression: *disable_compression,
        })
    }
}
