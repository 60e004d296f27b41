//! Numbers, texts and rows as bytes. Reading takes no more memory than the bytes are long.

/// Puts values one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn f32(&mut self, value: f32) {
        self.raw(&value.to_le_bytes());
    }

    pub(crate) fn flag(&mut self, value: bool) {
        self.raw(&[u8::from(value)]);
    }

    pub(crate) fn length(&mut self, length: usize) {
        self.raw(&(length as u64).to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.length(text.len());
        self.raw(text.as_bytes());
    }

    pub(crate) fn texts(&mut self, texts: &[String]) {
        self.length(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    pub(crate) fn u64s(&mut self, row: impl ExactSizeIterator<Item = u64>) {
        self.length(row.len());
        for value in row {
            self.raw(&value.to_le_bytes());
        }
    }

    pub(crate) fn f32s(&mut self, row: &[f32]) {
        self.length(row.len());
        for value in row {
            self.f32(*value);
        }
    }
}

/// Takes values off the front; `None` when there are too few bytes, or they say something impossible.
#[derive(Debug)]
pub(crate) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn raw<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.raw().map(u32::from_le_bytes)
    }

    pub(crate) fn f32(&mut self) -> Option<f32> {
        self.raw().map(f32::from_le_bytes)
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.raw()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    pub(crate) fn length(&mut self) -> Option<usize> {
        self.raw()
            .map(u64::from_le_bytes)
            .and_then(|length| usize::try_from(length).ok())
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }

    pub(crate) fn texts(&mut self) -> Option<Vec<String>> {
        // Nothing is set aside by a length that only claims to be one: the row grows with what is there.
        (0..self.length()?).map(|_| self.text()).collect()
    }

    pub(crate) fn u64s(&mut self) -> Option<Vec<u64>> {
        self.row(u64::from_le_bytes)
    }

    pub(crate) fn f32s(&mut self) -> Option<Vec<f32>> {
        self.row(f32::from_le_bytes)
    }

    fn row<const N: usize, T>(&mut self, value: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let length = self.length()?.checked_mul(N)?;
        let (chunks, _) = self.take(length)?.as_chunks::<N>();
        Some(chunks.iter().map(|chunk| value(*chunk)).collect())
    }
}
