/*
 * frames: a whole multipart message made before its first frame leaves. Were
 * memory found missing between two frames, the open message would swallow the
 * beginning of the next one, or carry it to another peer.
 */
#include <errno.h>
#include <string.h>

#include "publish.h"

void publish_frames_add(struct publish_frames *frames, const void *bytes, size_t len)
{
	if (frames->error)
		return;
	if (frames->count == PUBLISH_FRAMES_MAX) {
		frames->error = EMSGSIZE;
		return;
	}
	zmq_msg_t *frame = &frames->frames[frames->count];
	if (zmq_msg_init_size(frame, len) != 0) {
		frames->error = zmq_errno();
		return;
	}
	if (len)
		memcpy(zmq_msg_data(frame), bytes, len);
	frames->count++;
}

void publish_frames_add_alert(struct publish_frames *frames, struct base_span topic, struct base_span header,
                              struct base_span body)
{
	publish_frames_add(frames, topic.ptr, topic.len);
	publish_frames_add(frames, header.ptr, header.len);
	publish_frames_add(frames, body.ptr, body.len);
}

int publish_frames_send_first(struct publish_frames *frames, void *socket)
{
	if (frames->error)
		return frames->error;
	if (zmq_msg_send(&frames->frames[0], socket, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
		return zmq_errno();
	frames->sent = 1;
	return 0;
}

int publish_frames_send(struct publish_frames *frames, void *socket, bool more)
{
	while (!frames->error && frames->sent < frames->count) {
		bool last = frames->sent + 1 == frames->count && !more;
		if (zmq_msg_send(&frames->frames[frames->sent], socket, ZMQ_DONTWAIT | (last ? 0 : ZMQ_SNDMORE)) < 0)
			frames->error = zmq_errno();
		else
			frames->sent++;
	}
	publish_frames_drop(frames);
	return frames->error;
}

void publish_frames_drop(struct publish_frames *frames)
{
	for (; frames->sent < frames->count; frames->sent++)
		zmq_msg_close(&frames->frames[frames->sent]);
}
