//! A client's rank: it registers, then runs its two threads until the tracker's STOP.

use std::mem;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::mailbox::Receiver;
use super::watch::Heartbeat;
use super::{Job, Options, Post, input, output};
use crate::client::{self, Download, Effect, Upload};
use crate::manifest;
use crate::protocol::{Envelope, InitAck, Message, Rank, ToDownload, ToTracker, ToUpload};

/// Takes part in the swarm as `me`, from INIT to STOP.
pub(super) fn run(
    me: Rank,
    options: &Options,
    job: Job,
    mut post: Post,
    mut download_mailbox: Receiver<ToDownload>,
    upload_mailbox: Receiver<ToUpload>,
) -> Result<()> {
    let input = manifest::read(&input::path(&options.input_dir, me));
    post.tracker
        .send(Rank::TRACKER, &ToTracker::Init(client::init(&input)))?;
    let numbers = match download_mailbox.receive()? {
        (Rank::TRACKER, ToDownload::InitAck(InitAck::Start(numbers))) => numbers,
        (Rank::TRACKER, ToDownload::InitAck(InitAck::Refused)) => return Ok(()),
        (from, message) => bail!("expected INIT_ACK, found {message:?} from rank {from}"),
    };
    let manifest = input.ok().context("expected a refusal, found INIT_ACK")?;
    for file in manifest
        .owned
        .iter()
        .filter(|file| manifest.wanted.contains(&file.name))
    {
        let name = &file.name;
        eprintln!("warning: client {me} both owns and wants '{name}': nothing is downloaded");
    }
    let (download, upload) = client::start(
        me,
        manifest,
        &numbers,
        options.settings,
        options.conduct(me),
    )?;

    thread::scope(|threads| {
        let download_post = post.clone();
        job.spawn(threads, "download", move || {
            self::download(me, download, options, download_post, download_mailbox)
        })?;
        job.spawn(threads, "upload", move || {
            self::upload(upload, post, upload_mailbox)
        })
    })
}

/// The download thread.
fn download(
    me: Rank,
    mut download: Download,
    options: &Options,
    mut post: Post,
    mut mailbox: Receiver<ToDownload>,
) -> Result<()> {
    let start = Instant::now();
    let mut heartbeat = options
        .stall_timeout
        .map(|patience| Heartbeat::new(start, patience));
    let mut batch = Vec::new();
    let mut effects = Vec::new();
    download.begin(&mut effects);
    loop {
        while !effects.is_empty() {
            mem::swap(&mut batch, &mut effects);
            for effect in batch.drain(..) {
                match effect {
                    Effect::Send(envelope) => post.send(envelope)?,
                    Effect::Save(file) => {
                        let outcome = output::save(&options.output_dir, me, &file);
                        download.saved(outcome, &mut effects);
                    }
                }
            }
        }
        if download.is_done() {
            return Ok(());
        }
        let (from, message) = mailbox.receive()?;
        if heartbeat
            .as_mut()
            .is_some_and(|heartbeat| heartbeat.is_due(Instant::now()))
        {
            post.send(Envelope::new(Rank::TRACKER, ToTracker::Alive))?;
        }
        let tag = message.tag();
        let step = download.step(from, message, &mut effects);
        step.with_context(|| format!("{tag} from rank {from}"))?;
    }
}

/// The upload thread.
fn upload(mut upload: Upload, mut post: Post, mut mailbox: Receiver<ToUpload>) -> Result<()> {
    let mut replies = Vec::new();
    while !upload.is_stopped() {
        let (from, message) = mailbox.receive()?;
        let tag = message.tag();
        let step = upload.step(from, message, &mut replies);
        step.with_context(|| format!("{tag} from rank {from}"))?;
        post.send_all(&mut replies)?;
    }
    Ok(())
}
