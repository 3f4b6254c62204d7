// Talks to the workspace: as a Slack client with the person's own token for what Slack has, through /local for the rest.

import { model } from "./model.js";

export class Refused extends Error {}

async function answered(response) {
  const body = await response.json();
  if (!body.ok) throw Object.assign(new Refused(body.message ?? body.response_metadata?.messages?.[0] ?? body.error), { body });
  return body;
}

export async function slack(method, fields = {}) {
  return answered(await fetch(`/api/${method}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${model.person().token}`, "Content-Type": "application/json;charset=utf-8" },
    body: JSON.stringify(fields),
  }));
}

export async function local(path, fields) {
  return answered(await fetch(`/local/${path}`, fields && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user: model.me, ...fields }),
  }));
}

async function upload(file) {
  const { upload_url, file_id } = await slack("files.getUploadURLExternal", { filename: file.name, length: file.size });
  // Only the path: the page may have been opened under another name of this machine than the one in the address.
  const sent = await fetch(new URL(upload_url).pathname, { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
  if (!sent.ok) throw new Refused(await sent.text());
  return { id: file_id, title: file.name };
}

export async function say(channel, text, files, threadTs) {
  const thread = threadTs ? { thread_ts: threadTs } : {};
  if (!files.length) return slack("chat.postMessage", { channel, text, ...thread });
  const uploaded = [];
  for (const file of files) uploaded.push(await upload(file));
  return slack("files.completeUploadExternal", { files: uploaded, channel_id: channel, initial_comment: text, ...thread });
}
