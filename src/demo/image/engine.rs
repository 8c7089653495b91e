//! Handing the image to the engine, and clearing away those of older builds.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use bollard::Docker;
use bollard::errors::Error as EngineError;
use bollard::models::ImageSummary;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptions,
};
use futures_util::{TryStreamExt, stream};
use tokio::sync::mpsc;

use super::archive::Layout;
use super::fingerprint::fingerprint;
use super::objects::Needs;
use super::{EXECUTABLE, ImageError, LABEL, REPOSITORY};
use crate::demo::table::ALLOCATOR;

/// Size of a piece of the stream, and how many may be on their way.
const PIECE: usize = 256 << 10;
const PIECES: usize = 8;

/// Time limit for the whole image: some 100 MB of a debug build, on a slow disk or through ssh.
const IMPORT_LIMIT: Duration = Duration::from_secs(300);

/// A younger image of another build may belong to a run that is between two resets.
const KEEP: Duration = Duration::from_secs(3600);

/// The image to run the demo with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoImage {
    /// For `RUNNER_DEMO_IMAGE`: `runner-demo:HASH`.
    pub reference: String,
    /// How long making it took; none when it was there already.
    pub made_in: Option<Duration>,
    /// Unused images of older builds that were removed.
    pub removed: Vec<String>,
}

/// Makes the image of `exe` unless the engine has it. `making` is called, with the reference,
/// before the work begins, so that the user can be told why the next seconds pass.
pub async fn ensure(
    docker: &Docker,
    exe: &Path,
    making: impl FnOnce(&str),
) -> Result<DemoImage, ImageError> {
    let tag = fingerprint(exe)?;
    let reference = format!("{REPOSITORY}:{tag}");
    if exists(docker, &reference).await? {
        return Ok(DemoImage { reference, made_in: None, removed: Vec::new() });
    }
    making(&reference);
    let begin = Instant::now();
    import(docker, exe, &tag).await?;
    let made_in = Some(begin.elapsed());
    let removed = remove_old(docker, &reference).await;
    Ok(DemoImage { reference, made_in, removed })
}

async fn exists(docker: &Docker, reference: &str) -> Result<bool, ImageError> {
    match docker.inspect_image(reference).await {
        Ok(_) => Ok(true),
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn import(docker: &Docker, exe: &Path, tag: &str) -> Result<(), ImageError> {
    let needs = Needs::of(exe)?;
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(REPOSITORY)
        .tag(tag)
        .message("made by runner of its own executable")
        .changes(changes(&needs))
        .build();
    let layout = Layout::new(exe, &needs);
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(PIECES);
    let failure = sender.clone();
    let writing = tokio::task::spawn_blocking(move || {
        let written = layout.write(Pieces { sender, piece: Vec::with_capacity(PIECE) });
        if written.is_err() {
            // The engine must not take half an image for a whole one.
            let _ = failure.blocking_send(Err(io::Error::other("the image could not be read")));
        }
        written
    });
    let body = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    // The engine answers once it has it all, so that the limit of other calls would be too short.
    let answer = docker
        .clone()
        .with_timeout(IMPORT_LIMIT)
        .create_image(Some(options), Some(bollard::body_try_stream(body)), None)
        .try_for_each(|_| async { Ok(()) })
        .await;
    match writing.await.unwrap_or(Err(ImageError::Unfinished)) {
        Ok(()) => Ok(answer?),
        // The engine stopped reading: its own answer says why.
        Err(ImageError::Unfinished) => {
            answer.map_err(ImageError::from).and(Err(ImageError::Unfinished))
        }
        Err(unreadable) => Err(unreadable),
    }
}

/// The image's configuration, as lines of a Dockerfile.
fn changes(needs: &Needs) -> Vec<String> {
    let mut lines = vec![
        format!("LABEL {LABEL}=1"),
        format!("ENTRYPOINT [\"{EXECUTABLE}\", \"demo-service\"]"),
        "EXPOSE 8000".to_string(),
    ];
    lines.extend(ALLOCATOR.map(|(name, value)| format!("ENV {name}={value}")));
    let folders: Vec<_> = needs.folders.iter().map(|path| path.to_string_lossy()).collect();
    if !folders.is_empty() {
        lines.push(format!("ENV LD_LIBRARY_PATH=\"{}\"", folders.join(":")));
    }
    lines
}

/// Removes images of older builds that no container uses. Best effort: what the engine keeps, it
/// keeps.
async fn remove_old(docker: &Docker, current: &str) -> Vec<String> {
    let filters = HashMap::from([("label", vec![format!("{LABEL}=1")])]);
    let options = ListImagesOptionsBuilder::default().filters(&filters).build();
    let images = docker.list_images(Some(options)).await.unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut removed = Vec::new();
    for reference in images.iter().filter(|image| is_old(image, now)).flat_map(own_tags) {
        // Not forced: the engine refuses while a container uses it.
        if reference != current
            && docker.remove_image(&reference, None::<RemoveImageOptions>, None).await.is_ok()
        {
            removed.push(reference);
        }
    }
    removed
}

fn is_old(image: &ImageSummary, now: Duration) -> bool {
    let created = Duration::from_secs(u64::try_from(image.created).unwrap_or(0));
    now.saturating_sub(created) > KEEP
}

fn own_tags(image: &ImageSummary) -> impl Iterator<Item = String> {
    let own = |tag: &&String| tag.starts_with(&format!("{REPOSITORY}:"));
    image.repo_tags.iter().filter(own).cloned().collect::<Vec<_>>().into_iter()
}

/// Turns writes into pieces of the request's body.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let step = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..step]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(step)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the engine stopped reading");
        self.sender.blocking_send(Ok(piece.into())).map_err(gone)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_library_path_names_every_folder() {
        let folders = BTreeSet::from([PathBuf::from("/lib64"), PathBuf::from("/usr/lib/x")]);
        let lines = changes(&Needs { files: Vec::new(), folders });
        assert!(lines.contains(&"ENV LD_LIBRARY_PATH=\"/lib64:/usr/lib/x\"".to_string()));
        assert!(lines.contains(&"LABEL runner.demo=1".to_string()));
    }

    #[test]
    fn a_static_executable_needs_no_library_path() {
        let lines = changes(&Needs::default());
        assert!(!lines.iter().any(|line| line.contains("LD_LIBRARY_PATH")));
    }

    #[test]
    fn only_images_older_than_an_hour_are_cleared_away() {
        let image = ImageSummary { created: 10_000, ..Default::default() };
        assert!(!is_old(&image, Duration::from_secs(13_600)));
        assert!(is_old(&image, Duration::from_secs(13_601)));
    }

    #[test]
    fn every_byte_goes_out_in_order() {
        let (sender, mut receiver) = mpsc::channel(100);
        let bytes: Vec<u8> = (0..PIECE * 3 + 17).map(|n| (n % 251) as u8).collect();
        let mut pieces = Pieces { sender, piece: Vec::new() };
        for chunk in bytes.chunks(100_000) {
            pieces.write_all(chunk).unwrap();
        }
        pieces.flush().unwrap();
        drop(pieces);
        let mut got = Vec::new();
        while let Some(piece) = receiver.blocking_recv() {
            got.extend_from_slice(&piece.unwrap());
        }
        assert_eq!(got, bytes);
    }
}
