//! WhatsApp in a box.
