//! The command line. Everything but `serve`, `restore`, `analyze`, `eval`, `read` and the checks of `doctor` goes
//! through the same HTTP API, and the same permission checks, as the dashboard.

mod account;
mod analyze;
mod backup;
mod client;
mod conversation;
mod dead_letters;
mod doctor;
mod eval;
mod figures;
mod import;
mod insight;
mod link;
mod live_check;
mod load;
mod message;
mod output;
mod pipeline;
mod proxy;
mod read;
mod remedy;
mod sheet_rows;
mod sheets;

use crate::config::Config;
use anyhow::Result;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use client::Client;
pub use client::key_file;
use output::Output;
use std::path::PathBuf;

/// Runs WhatsApp numbers the way good infrastructure is run.
#[derive(Debug, Parser)]
#[command(name = "waypost", version, about, propagate_version = true)]
pub struct Cli {
    /// Settings file; `waypost.toml` in this folder when it exists.
    #[arg(long, global = true, env = "WAYPOST_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Address of the running server; taken from the settings when absent.
    #[arg(long, global = true, env = "WAYPOST_URL", value_name = "URL")]
    url: Option<String>,
    /// API key; the one that the server leaves in its data folder when absent.
    #[arg(
        long,
        global = true,
        env = "WAYPOST_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    api_key: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve,
    /// Create, show and change accounts.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Show how loaded the machine is, and what is put off because of it.
    Load,
    /// Link a new or existing account by QR code or pairing code.
    Link(link::LinkArgs),
    /// Link an account again, by name or number; lists the candidates when nobody is named.
    Relink(link::RelinkArgs),
    /// Link an account by a pairing code for its phone number.
    Code(link::CodeArgs),
    /// Try at once what would be tried next to bring an account back; ask one that is connected for
    /// proof that it lives.
    Recover(remedy::RecoverArgs),
    /// List the accounts with their states.
    List,
    /// Show how well the accounts do: their scores and what lowered them, what proves that they live, how they
    /// are brought back.
    Health {
        /// Only this one, by name, phone number or id.
        #[arg(value_name = "ACCOUNT")]
        who: Option<String>,
    },
    /// Show the device that an account is linked as, and whether its session can be used.
    Device(figures::DeviceArgs),
    /// Show what went through: messages, failures, times, links.
    Stats(figures::StatsArgs),
    /// Show how many accounts are in which state, and what piles up.
    Status,
    /// Take over the session of another client, without a new scan.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Send a message.
    Send(message::SendArgs),
    /// Show events as they happen.
    Tail(message::TailArgs),
    /// List conversations, or the messages of one.
    Conversations(conversation::ConversationsArgs),
    /// List, replay and archive what could not be processed or sent.
    #[command(subcommand)]
    Deadletters(dead_letters::DeadLettersCommand),
    /// Show and edit the lists that messages are read by.
    #[command(subcommand)]
    Insight(insight::InsightCommand),
    /// Show the parts that messages go through, and switch them.
    #[command(subcommand)]
    Pipeline(pipeline::PipelineCommand),
    /// Connect, read and write Google Sheets.
    #[command(subcommand)]
    Sheets(sheets::SheetsCommand),
    /// Write a backup while the server runs.
    Backup(backup::BackupArgs),
    /// Put a backup of the whole database back in place; the server must be stopped. For the session
    /// of one account see `waypost account restore`.
    Restore(backup::RestoreArgs),
    /// Check settings, database, clock, disk and ports.
    Doctor(doctor::DoctorArgs),
    /// Say what a message means: values, intent, sentiment. Needs no server.
    Analyze(analyze::AnalyzeArgs),
    /// Measure the analysis on labelled messages. Needs no server.
    Eval(eval::EvalArgs),
    /// Show what is read of a picture, document or voice note. Needs no server.
    Read(read::ReadArgs),
    /// Read one file behind walls; the server starts this for itself.
    #[command(name = "media-worker", hide = true)]
    MediaWorker,
    /// Print the OpenAPI document.
    Openapi,
    /// Print the shell completions.
    Completions {
        /// For which shell.
        shell: Shell,
    },
}

/// Which account a command is about.
#[derive(Debug, Args)]
struct Who {
    /// Name, phone number or id of the account.
    #[arg(value_name = "ACCOUNT")]
    who: String,
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// With one sentence for the person who typed it.
    pub async fn run(self) -> Result<()> {
        let output = Output::new(self.json);
        match self.command {
            Command::Openapi => output.raw(&crate::api::openapi().to_pretty_json()?),
            Command::Completions { shell } => {
                let mut command = Self::command();
                clap_complete::generate(shell, &mut command, "waypost", &mut std::io::stdout());
                Ok(())
            }
            Command::Analyze(args) => {
                analyze::run(&Config::load(self.config.as_deref())?, &args, output)
            }
            Command::Eval(args) => eval::run(&Config::load(self.config.as_deref())?, &args, output),
            Command::Read(args) => {
                read::run(&Config::load(self.config.as_deref())?, args, output).await
            }
            // The program answers this itself, before it has a second thread.
            Command::MediaWorker => anyhow::bail!("'media-worker' must be the first argument"),
            Command::Serve => crate::run::serve(Config::load(self.config.as_deref())?).await,
            Command::Doctor(args) => {
                doctor::run(self.config.as_deref(), self.url, self.api_key, args, output).await
            }
            Command::Backup(args) => {
                backup::backup(&Config::load(self.config.as_deref())?, args, output).await
            }
            Command::Restore(args) => {
                backup::restore(&Config::load(self.config.as_deref())?, args, output).await
            }
            command => {
                let config = Config::load(self.config.as_deref())?;
                let client = Client::connect(&config, self.url, self.api_key)?;
                online(command, &client, output).await
            }
        }
    }
}

/// The commands that talk to a running server.
async fn online(command: Command, client: &Client, output: Output) -> Result<()> {
    match command {
        Command::Account(args) => account::run(args, client, output).await,
        Command::Health { who } => account::condition(who, client, output).await,
        Command::Load => load::run(client, output).await,
        Command::Link(args) => link::link(args, client, output).await,
        Command::Relink(args) => link::relink(args, client, output).await,
        Command::Code(args) => link::code(args, client, output).await,
        Command::Recover(args) => remedy::recover(args, client, output).await,
        Command::List => account::all(client, output).await,
        Command::Device(args) => figures::device(args, client, output).await,
        Command::Stats(args) => figures::stats(args, client, output).await,
        Command::Status => figures::status(client, output).await,
        Command::Import(args) => import::run(args, client, output).await,
        Command::Send(args) => message::send(args, client, output).await,
        Command::Tail(args) => message::tail(args, client, output).await,
        Command::Conversations(args) => conversation::run(args, client, output).await,
        Command::Deadletters(args) => dead_letters::run(args, client, output).await,
        Command::Insight(args) => insight::run(args, client, output).await,
        Command::Pipeline(args) => pipeline::run(args, client, output).await,
        Command::Sheets(args) => sheets::run(args, client, output).await,
        Command::Serve
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Doctor(_)
        | Command::Analyze(_)
        | Command::Eval(_)
        | Command::Read(_)
        | Command::MediaWorker
        | Command::Openapi
        | Command::Completions { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
