//! The tasks of one connection: all of them are gone when it is.

use async_trait::async_trait;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wacore::runtime::{AbortHandle, Runtime};

type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Tokio, with a register of everything the library starts.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Stops every task at its next pause and waits until all are gone. Work that blocks a thread
    /// (one file, one history chunk) is waited for.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    fn start(&self, task: Task) -> tokio::task::JoinHandle<()> {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            let _ = stop.run_until_cancelled(task).await;
        })
    }
}

#[async_trait]
impl Runtime for Tasks {
    fn spawn(&self, task: Task) -> AbortHandle {
        let handle = self.start(task);
        AbortHandle::new(move || handle.abort())
    }

    fn spawn_detached(&self, task: Task) {
        self.start(task);
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn_blocking(
        &self,
        work: Box<dyn FnOnce() + Send + 'static>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let work = self.tracker.spawn_blocking(work);
        Box::pin(async move {
            // A panic in there was logged by its thread, and the library sees its result missing.
            let _ = work.await;
        })
    }

    fn yield_now(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        None
    }
}
