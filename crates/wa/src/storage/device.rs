//! The device itself.

use super::codec::unreadable;
use super::{Storage, Weight};
use crate::ports::Space;
use async_trait::async_trait;
use wacore::store::Device;
use wacore::store::error::Result;
use wacore::store::traits::DeviceStore;

/// There is one device per account.
pub(super) const KEY: &[u8] = b"device";

/// The number the library knows its device by; it means nothing with one device per account.
const NUMBER: i32 = 1;

// JSON, because it is small, written rarely, and its fields come and go between versions of the
// library.
pub(super) fn decode(value: &[u8]) -> Result<Device> {
    serde_json::from_slice(value).map_err(|_| unreadable())
}

#[async_trait]
impl DeviceStore for Storage {
    async fn save(&self, device: &Device) -> Result<()> {
        let value = serde_json::to_vec(device).map_err(|_| unreadable())?;
        self.put(Weight::Vital, Space::Device, KEY, value).await
    }

    async fn load(&self) -> Result<Option<Device>> {
        self.get(Space::Device, KEY)
            .await?
            .map(|value| decode(&value))
            .transpose()
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.get(Space::Device, KEY).await?.is_some())
    }

    async fn create(&self) -> Result<i32> {
        if !self.exists().await? {
            self.save(&Device::new()).await?;
        }
        Ok(NUMBER)
    }
}
