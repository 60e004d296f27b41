//! Names of the kinds this version keeps raw, by the number of their protobuf field.

/// Fields that say nothing to people: sender keys, the context that goes with every message, and
/// wrappers and protocol messages, which are looked into instead.
const SILENT: [u32; 5] = [2, 12, 15, 31, 35];

#[rustfmt::skip]
const NAMES: &[(u32, &str)] = &[
    (1, "conversation"),
    (3, "image_message"),
    (4, "contact_message"),
    (5, "location_message"),
    (6, "extended_text_message"),
    (7, "document_message"),
    (8, "audio_message"),
    (9, "video_message"),
    (10, "call"),
    (11, "chat"),
    (13, "contacts_array_message"),
    (14, "highly_structured_message"),
    (16, "send_payment_message"),
    (18, "live_location_message"),
    (22, "request_payment_message"),
    (23, "decline_payment_request_message"),
    (24, "cancel_payment_request_message"),
    (25, "template_message"),
    (26, "sticker_message"),
    (28, "group_invite_message"),
    (29, "template_button_reply_message"),
    (30, "product_message"),
    (36, "list_message"),
    (37, "view_once_message"),
    (38, "order_message"),
    (39, "list_response_message"),
    (40, "ephemeral_message"),
    (41, "invoice_message"),
    (42, "buttons_message"),
    (43, "buttons_response_message"),
    (44, "payment_invite_message"),
    (45, "interactive_message"),
    (46, "reaction_message"),
    (47, "sticker_sync_rmr_message"),
    (48, "interactive_response_message"),
    (49, "poll_creation_message"),
    (50, "poll_update_message"),
    (51, "keep_in_chat_message"),
    (53, "document_with_caption_message"),
    (54, "request_phone_number_message"),
    (55, "view_once_message_v2"),
    (56, "enc_reaction_message"),
    (58, "edited_message"),
    (59, "view_once_message_v2_extension"),
    (60, "poll_creation_message_v2"),
    (61, "scheduled_call_creation_message"),
    (62, "group_mentioned_message"),
    (63, "pin_in_chat_message"),
    (64, "poll_creation_message_v3"),
    (65, "scheduled_call_edit_message"),
    (66, "ptv_message"),
    (67, "bot_invoke_message"),
    (69, "call_log_messsage"),
    (70, "message_history_bundle"),
    (71, "enc_comment_message"),
    (72, "bcall_message"),
    (74, "lottie_sticker_message"),
    (75, "event_message"),
    (76, "enc_event_response_message"),
    (77, "comment_message"),
    (78, "newsletter_admin_invite_message"),
    (80, "placeholder_message"),
    (82, "secret_encrypted_message"),
    (83, "album_message"),
    (85, "event_cover_image"),
    (86, "sticker_pack_message"),
    (87, "status_mention_message"),
    (88, "poll_result_snapshot_message"),
    (90, "poll_creation_option_image_message"),
    (91, "associated_child_message"),
    (92, "group_status_mention_message"),
    (93, "poll_creation_message_v4"),
    (95, "status_add_yours"),
    (96, "group_status_message"),
    (97, "rich_response_message"),
    (98, "status_notification_message"),
    (99, "limit_sharing_message"),
    (100, "bot_task_message"),
    (101, "question_message"),
    (102, "message_history_notice"),
    (103, "group_status_message_v2"),
    (104, "bot_forwarded_message"),
    (105, "status_question_answer_message"),
    (106, "question_reply_message"),
    (107, "question_response_message"),
    (109, "status_quoted_message"),
    (110, "status_sticker_interaction_message"),
    (111, "poll_creation_message_v5"),
    (113, "newsletter_follower_invite_message_v2"),
    (115, "poll_result_snapshot_message_v3"),
    (116, "newsletter_admin_profile_message"),
    (117, "newsletter_admin_profile_message_v2"),
    (118, "spoiler_message"),
    (119, "poll_creation_message_v6"),
    (120, "conditional_reveal_message"),
    (121, "poll_add_option_message"),
    (122, "event_invite_message"),
    (123, "group_root_key_share"),
    (124, "payment_reminder_message"),
    (125, "split_payment_message"),
    (126, "newsletter_admin_profile_status_message"),
    (127, "root_secret_distribute_message"),
];

/// The name of what an encoded message holds; `None` when it holds nothing for people.
pub(super) fn name(encoded: &[u8]) -> Option<String> {
    let number = Fields(encoded).find(|number| !SILENT.contains(number))?;
    let known = NAMES
        .iter()
        .find(|(known, _)| *known == number)
        .map(|(_, name)| (*name).to_owned());
    Some(known.unwrap_or_else(|| format!("field_{number}")))
}

/// The field numbers at the top of an encoded message, in order; ends where it is malformed.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn skip(&mut self, len: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(len).ok()?..)?;
        Some(())
    }
}

impl Iterator for Fields<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let tag = self.varint()?;
        match tag & 7 {
            0 => self.varint().map(drop)?,
            1 => self.skip(8)?,
            2 => {
                let len = self.varint()?;
                self.skip(len)?;
            }
            5 => self.skip(4)?,
            _ => return None,
        }
        u32::try_from(tag >> 3).ok()
    }
}
