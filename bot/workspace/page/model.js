// What the page knows: one person's view of the workspace, kept current by the live stream.

const byName = (people) => new Map(people.map((p) => [p.id, p]));

export const model = {
  me: localStorage.getItem("me") ?? "",
  team: { name: "" },
  bot: { id: "", name: "" },
  people: new Map(),
  usergroups: [],
  channels: new Map(), // id -> {id, name, kind, topic, has_bot, members, messages: Map(ts -> message)}
  ephemeral: new Map(), // ts -> message
  statuses: new Map(), // "channel/thread_ts" -> status
  titles: new Map(), // "channel/thread_ts" -> title
  prompts: new Map(), // channel -> {title, prompts}
  views: new Map(), // id -> view
  tray: false,
  channelId: "",
  threadTs: null,
  tab: "messages",

  person: () => model.people.get(model.me),
  channel: () => model.channels.get(model.channelId),

  take(snapshot) {
    Object.assign(model, { me: snapshot.me, team: snapshot.team, bot: snapshot.bot, usergroups: snapshot.usergroups, tray: snapshot.tray });
    model.people = byName(snapshot.people);
    model.channels = new Map(snapshot.channels.map((c) => [c.id, { ...c, messages: new Map(c.messages.map((m) => [m.ts, m])) }]));
    model.ephemeral = new Map(snapshot.ephemeral.map((m) => [m.ts, m]));
    model.statuses = new Map(snapshot.statuses.map((s) => [`${s.channel}/${s.thread_ts}`, s]));
    model.titles = new Map(snapshot.titles.map((t) => [`${t.channel}/${t.thread_ts}`, t.title]));
    model.prompts = new Map(snapshot.prompts.map((p) => [p.channel, p]));
    model.views = new Map(snapshot.views.map((v) => [v.id, v]));
    localStorage.setItem("me", model.me);
  },

  // Top-level messages and what was whispered outside an open thread, oldest first.
  timeline(channel) {
    const top = [...channel.messages.values()].filter((m) => !m.thread_ts || m.thread_ts === m.ts || m.subtype === "thread_broadcast");
    const whispered = model.whispers(channel).filter((m) => !m.thread_ts || m.thread_ts !== model.threadTs);
    const place = (m) => (m.is_ephemeral && m.thread_ts && channel.messages.has(m.thread_ts) ? `${m.thread_ts}+${m.ts}` : m.ts);
    return [...top, ...whispered].sort((a, b) => (place(a) < place(b) ? -1 : 1));
  },

  thread(channel, threadTs) {
    const said = [...channel.messages.values()].filter((m) => m.ts === threadTs || m.thread_ts === threadTs);
    const whispered = model.whispers(channel).filter((m) => m.thread_ts === threadTs);
    return [...said, ...whispered].sort((a, b) => (a.ts < b.ts ? -1 : 1));
  },

  whispers: (channel) => [...model.ephemeral.values()].filter((m) => m.channel === channel.id),

  name(userId) {
    if (userId === model.bot.id) return model.bot.name;
    const person = model.people.get(userId);
    if (!person) return userId;
    return document.documentElement.lang === "ja" ? person.real_name_ja : person.real_name;
  },

  channelName(channel) {
    return channel.kind === "im" ? model.name(channel.members.find((m) => m !== model.me)) : `#${channel.name}`;
  },

  // -- unread marks, kept in this browser for each person ------------------------------------------------------------------

  lastRead: (channel) => localStorage.getItem(`read:${model.me}:${channel.id}`) ?? "0",

  markRead(channel) {
    const newest = [...channel.messages.keys()].reduce((a, b) => (a > b ? a : b), "0");
    if (newest > model.lastRead(channel)) localStorage.setItem(`read:${model.me}:${channel.id}`, newest);
  },

  unread(channel) {
    const seen = model.lastRead(channel);
    return [...channel.messages.values()].filter((m) => m.ts > seen && m.user !== model.me && m.subtype !== "tombstone").length;
  },
};
