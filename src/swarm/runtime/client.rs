//! A client's rank: it registers, then runs its two threads until the tracker's STOP.

use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context, Result};

use super::address::Mailboxes;
use super::clock::Clock;
use super::host;
use super::job::Job;
use super::mailbox::{Own, Receiver};
use super::post::Post;
use super::recorder::Recorder;
use super::watch::Heartbeat;
use crate::client::{Download, Effect, Outbox, Registration, SavedFile, Upload};
use crate::inputs;
use crate::manifest;
use crate::options::Options;
use crate::output::{self, NewFolders, NotWritten};
use crate::protocol::{Envelope, Message, Rank, ToDownload, ToTracker, ToUpload};
use crate::report::Plan;
use crate::say;
use crate::shown::Shown;
use crate::statistics::{ClientStatistics, Traffic};

/// A client that has registered. Its two threads can start.
pub(super) struct Ready {
    pub(super) download: Download,
    upload: Upload,
    sent: Traffic,
    clock: Clock,
    /// The recorder of the download thread.
    recorder: Recorder,
}

/// Reads the input and registers with the tracker (R1). Returns nothing if the swarm does not start.
pub(super) fn register(
    options: &Options,
    plan: &Plan,
    job: &Job,
    mailboxes: &Mailboxes,
    own: &mut Own,
    recorder: Recorder,
) -> Result<Option<Ready>> {
    let mut post = Post::new(mailboxes, 1, recorder);
    let mut outbox = Outbox::new(post.recorder.is_on());
    outbox.begin();
    carry_out(&mut outbox, &mut post)?;
    let located = |problem: &String| host::located(job.elsewhere.as_deref(), problem);
    let mut new_folders = NewFolders::default();
    let input = manifest::read(&inputs::path(&options.input_dir, job.me))
        .map_err(|problems| problems.iter().map(located).collect())
        .and_then(|manifest| match output::ready(&options.output_dir) {
            // Who wants nothing writes nothing.
            Err(why) if !manifest.wanted.is_empty() => Err(vec![self::located(job, why)]),
            Err(_) => Ok(manifest),
            Ok(new) => {
                new_folders = new;
                Ok(manifest)
            }
        });
    let warnings = input.iter().flat_map(|manifest| manifest.warnings(job.me));
    let warnings: Vec<String> = warnings.collect();
    let registration = Registration::new(job.me, input, plan.settings, plan.part(job.me));
    registration.register(&mut outbox);
    carry_out(&mut outbox, &mut post)?;
    let (from, message) = own.download.receive(&mut post)?;
    let halves = registration.answered(from, message, &mut outbox)?;
    carry_out(&mut outbox, &mut post)?;
    let (sent, mut recorder) = post.close()?;
    recorder.flush();
    let clock = Clock::start();
    let Some((download, upload)) = halves else {
        return Ok(None);
    };
    new_folders.keep();
    for warning in warnings {
        say::problem(warning);
    }
    Ok(Some(Ready {
        download,
        upload,
        sent,
        clock,
        recorder,
    }))
}

/// Takes part in the swarm until STOP. Returns what the client has counted.
pub(super) fn run(
    ready: Ready,
    options: &Options,
    plan: &Plan,
    job: &Job,
    mailboxes: &Mailboxes,
    own: Own,
    for_upload: Recorder,
) -> Result<ClientStatistics> {
    let (settings, clients) = (&plan.settings, mailboxes.clients());
    let (clock, mut sent) = (ready.clock, ready.sent);
    thread::scope(|threads| {
        let most_untaken = Download::most_untaken(clients, settings);
        let post = Post::new(mailboxes, most_untaken, ready.recorder);
        let download = job.spawn(threads, "download", move || {
            self::download(job, ready.download, options, clock, post, own.download)
        })?;
        let most_untaken = Upload::most_untaken(clients, settings);
        let post = Post::new(mailboxes, most_untaken, for_upload);
        let upload = job.spawn(threads, "upload", move || {
            self::upload(ready.upload, clock, post, own.upload)
        })?;
        let (download, by_download) = result(download);
        let (upload, by_upload) = result(upload);
        sent += by_download;
        sent += by_upload;
        Ok(download.into_statistics(upload.service(), sent))
    })
}

fn result<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().expect("a thread that panics ends the job")
}

/// The download thread. Returns its half at the end, and the traffic that it sent.
fn download(
    job: &Job,
    mut download: Download,
    options: &Options,
    clock: Clock,
    mut post: Post,
    mut mailbox: Receiver<ToDownload>,
) -> Result<(Download, Traffic)> {
    let mut heartbeat = options.stall_timeout.map(Heartbeat::new);
    let mut outbox = Outbox::new(post.recorder.is_on());
    download.wake(clock.now(), &mut outbox);
    loop {
        while let Some(file) = carry_out(&mut outbox, &mut post)? {
            let outcome = output::save(&options.output_dir, job.me, &file);
            let outcome = outcome.map_err(|why| located(job, why));
            download.saved(clock.now(), outcome, &mut outbox);
        }
        if download.is_done() {
            return Ok((download, post.close()?.0));
        }
        let due = download.due();
        // A client that has not arrived hears nothing that would remind it to send ALIVE.
        let reminder = heartbeat.as_ref().map(Heartbeat::due);
        let reminder = reminder.filter(|_| download.is_away());
        let moment = due.into_iter().chain(reminder).min();
        let moment = moment.and_then(|due| clock.moment(due));
        let message = mailbox.receive_until(moment, || false, &mut post)?;
        let now = clock.now();
        if heartbeat
            .as_mut()
            .filter(|_| message.is_some() || download.is_away())
            .is_some_and(|heartbeat| heartbeat.is_due(now))
        {
            post.send(Envelope::new(Rank::TRACKER, ToTracker::Alive))?;
        }
        if let Some((from, message)) = message {
            let tag = message.tag();
            let step = download.step(now, from, message, &mut outbox);
            step.with_context(|| format!("{tag} from rank {from}"))?;
        } else if due.is_some_and(|due| due <= now) {
            download.wake(now, &mut outbox);
        }
    }
}

/// Says what could not be written, for a user who looks from rank 0's host.
fn located(job: &Job, NotWritten { path, error }: NotWritten) -> String {
    let shown = host::located(job.elsewhere.as_deref(), path.shown());
    format!("cannot write {shown}: {error}")
}

/// The upload thread. Returns its half at the end, and the traffic that it sent.
fn upload(
    mut upload: Upload,
    clock: Clock,
    mut post: Post,
    mut mailbox: Receiver<ToUpload>,
) -> Result<(Upload, Traffic)> {
    let mut outbox = Outbox::new(post.recorder.is_on());
    outbox.begin();
    loop {
        carry_out(&mut outbox, &mut post)?;
        if upload.is_stopped() {
            return Ok((upload, post.close()?.0));
        }
        let due = upload.due().and_then(|due| clock.moment(due));
        match mailbox.receive_until(due, || upload.is_nudged(), &mut post)? {
            None => upload.pass(clock.now(), &mut outbox),
            Some((from, message)) => {
                let tag = message.tag();
                let step = upload.step(clock.now(), from, message, &mut outbox);
                step.with_context(|| format!("{tag} from rank {from}"))?;
            }
        }
    }
}

/// Does what a machine wants done, up to the next file that it wants saved. Returns that file.
fn carry_out(outbox: &mut Outbox, post: &mut Post) -> Result<Option<SavedFile>> {
    for effect in outbox {
        match effect {
            Effect::Send(envelope) => post.send(envelope)?,
            Effect::Save(file) => return Ok(Some(file)),
            Effect::Did(deed) => post.recorder.did(&deed),
        }
    }
    Ok(None)
}
