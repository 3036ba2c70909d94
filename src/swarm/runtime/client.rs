//! A client's rank: it registers, then runs its two threads until the tracker's STOP.

use std::mem;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context, Result, bail};

use super::clock::Clock;
use super::mailbox::{Mailboxes, Own, Receiver};
use super::post::Post;
use super::recorder::Recorder;
use super::watch::Heartbeat;
use super::{Job, host};
use crate::client::{self, Download, Effect, Upload};
use crate::event::Deed;
use crate::inputs;
use crate::manifest::{self, Manifest};
use crate::options::Options;
use crate::output::{self, NotWritten};
use crate::protocol::{
    Envelope, FileId, FileName, InitAck, Message, Rank, ToDownload, ToTracker, ToUpload,
};
use crate::report::Plan;
use crate::statistics::{ClientStatistics, FileDownload, Service, Traffic};

/// A client that the tracker has told to start.
pub(super) struct Registered {
    manifest: Manifest,
    numbers: Vec<FileId>,
    sent: Traffic,
    clock: Clock,
    /// The download thread's.
    recorder: Recorder,
}

/// Reads the input and registers with the tracker (R1); returns nothing, if the swarm does not start.
pub(super) fn register(
    options: &Options,
    job: &Job,
    mailboxes: &Mailboxes,
    own: &mut Own,
    mut recorder: Recorder,
) -> Result<Option<Registered>> {
    recorder.did(&Deed::Begun);
    let located = |problem: &String| host::located(job.elsewhere.as_ref(), problem);
    let input = manifest::read(&inputs::path(&options.input_dir, job.me))
        .map_err(|problems| problems.iter().map(located).collect());
    let init = ToTracker::Init(client::init(&input));
    let mut post = Post::new(mailboxes, 1, recorder);
    post.send(Envelope::new(Rank::TRACKER, init))?;
    let answer = own.download.receive(&mut post)?;
    let (sent, mut recorder) = post.close()?;
    recorder.flush();
    let numbers = match answer {
        (Rank::TRACKER, ToDownload::InitAck(InitAck::Start(numbers))) => numbers,
        (Rank::TRACKER, ToDownload::InitAck(InitAck::Refused)) => {
            recorder.did(&Deed::Ended);
            return Ok(None);
        }
        (from, message) => bail!("expected INIT_ACK, found {message:?} from rank {from}"),
    };
    let clock = Clock::start();
    let manifest = input.ok().context("expected a refusal, found INIT_ACK")?;
    Ok(Some(Registered {
        manifest,
        numbers,
        sent,
        clock,
        recorder,
    }))
}

impl Registered {
    /// The files that the client is to download.
    pub(super) fn to_download(&self) -> Vec<&FileName> {
        self.manifest.to_download().collect()
    }
}

/// Takes part in the swarm until STOP, and returns what was counted on the way.
pub(super) fn run(
    registered: Registered,
    options: &Options,
    plan: &Plan,
    job: &Job,
    mailboxes: &Mailboxes,
    own: Own,
    for_upload: Recorder,
) -> Result<ClientStatistics> {
    let (me, settings) = (job.me, plan.settings);
    let Registered {
        manifest,
        numbers,
        mut sent,
        clock,
        recorder,
    } = registered;
    let owned: Vec<FileName> = manifest
        .owned
        .iter()
        .map(|file| file.name.clone())
        .collect();
    for warning in manifest.warnings(me) {
        eprintln!("{warning}");
    }
    let (download, upload) = client::start(me, manifest, &numbers, settings, plan.part(me))?;

    let clients = mailboxes.clients();
    let (downloads, service) = thread::scope(|threads| -> Result<_> {
        let most_untaken = Download::most_untaken(clients, &settings);
        let post = Post::new(mailboxes, most_untaken, recorder);
        let download = job.spawn(threads, "download", move || {
            self::download(job, download, options, clock, post, own.download)
        })?;
        let most_untaken = Upload::most_untaken(clients, &settings);
        let post = Post::new(mailboxes, most_untaken, for_upload);
        let upload = job.spawn(threads, "upload", move || {
            self::upload(upload, clock, post, own.upload)
        })?;
        let (downloads, by_download) = result(download);
        let (service, by_upload) = result(upload);
        sent += by_download;
        sent += by_upload;
        Ok((downloads, service))
    })?;
    Ok(ClientStatistics {
        owned,
        downloads,
        service,
        sent,
    })
}

fn result<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().expect("a thread that panics ends the job")
}

/// The download thread. Returns what became of the files, and what it sent.
fn download(
    job: &Job,
    mut download: Download,
    options: &Options,
    clock: Clock,
    mut post: Post,
    mut mailbox: Receiver<ToDownload>,
) -> Result<(Vec<FileDownload>, Traffic)> {
    let mut heartbeat = options.stall_timeout.map(Heartbeat::new);
    let mut batch = Vec::new();
    let mut effects = Vec::new();
    download.begin(clock.now(), &mut effects);
    loop {
        while !effects.is_empty() {
            mem::swap(&mut batch, &mut effects);
            for effect in batch.drain(..) {
                match effect {
                    Effect::Send(envelope) => post.send(envelope)?,
                    Effect::Save(file) => {
                        let outcome = output::save(&options.output_dir, job.me, &file);
                        let outcome = outcome.map_err(|why| located(job, why));
                        post.recorder.did(&Deed::Saved {
                            file: file.name,
                            problem: outcome.as_ref().err().cloned(),
                        });
                        download.saved(clock.now(), outcome, &mut effects);
                    }
                }
            }
        }
        if download.is_done() {
            let (sent, mut recorder) = post.close()?;
            recorder.did(&Deed::Ended);
            return Ok((download.into_records(), sent));
        }
        let due = download.due();
        // Who has not arrived hears nothing that would remind it to say that it is alive.
        let reminder = heartbeat.as_ref().map(Heartbeat::due);
        let reminder = reminder.filter(|_| download.is_away());
        let moment = due.into_iter().chain(reminder).min();
        let message = mailbox.receive_until(moment.and_then(|due| clock.moment(due)), &mut post)?;
        let now = clock.now();
        if heartbeat
            .as_mut()
            .filter(|_| message.is_some() || download.is_away())
            .is_some_and(|heartbeat| heartbeat.is_due(now))
        {
            post.send(Envelope::new(Rank::TRACKER, ToTracker::Alive))?;
        }
        let Some((from, message)) = message else {
            if due.is_some_and(|due| due <= now) {
                download.wake(now, &mut effects);
            }
            continue;
        };
        let tag = message.tag();
        let came = message.segment().filter(|_| post.recorder.is_on());
        let step = download.step(now, from, message, &mut effects);
        step.with_context(|| format!("{tag} from rank {from}"))?;
        if let Some((file, segment)) = came {
            let is_right = download.holds(file, segment);
            post.recorder
                .did(&Deed::checked(is_right, from, file, segment));
        }
    }
}

/// What could not be written, for a user who looks from rank 0's host.
fn located(job: &Job, NotWritten { path, error }: NotWritten) -> String {
    let shown = host::located(job.elsewhere.as_ref(), path.display());
    format!("cannot write {shown}: {error}")
}

/// The upload thread. Returns what it was asked for, and what it sent.
fn upload(
    mut upload: Upload,
    clock: Clock,
    mut post: Post,
    mut mailbox: Receiver<ToUpload>,
) -> Result<(Service, Traffic)> {
    let mut replies = Vec::new();
    post.recorder.did(&Deed::Begun);
    while !upload.is_stopped() {
        let due = upload.due().and_then(|due| clock.moment(due));
        match mailbox.receive_until(due, &mut post)? {
            None => upload.pass(clock.now(), &mut replies),
            Some((from, message)) => {
                let tag = message.tag();
                let had_left = upload.has_left();
                let step = upload.step(clock.now(), from, message, &mut replies);
                step.with_context(|| format!("{tag} from rank {from}"))?;
                if upload.has_left() && !had_left {
                    post.recorder.did(&Deed::Left);
                }
            }
        }
        post.send_all(&mut replies)?;
    }
    let (sent, mut recorder) = post.close()?;
    recorder.did(&Deed::Ended);
    Ok((upload.service(), sent))
}
