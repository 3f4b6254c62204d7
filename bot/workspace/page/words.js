// Every word the page itself says, in English and Japanese.

const WORDS = {
  en: {
    skip: "Skip to the message field",
    youAre: "You are",
    channels: "Channels",
    directMessages: "Direct messages",
    app: "APP",
    language: "日本語",
    languageLabel: "日本語に切り替える",
    sidebar: "Workspace",
    openSidebar: "Open channels and people",
    closeSidebar: "Close channels and people",
    members: (n) => `${n} members`,
    noBot: "kenpin is not in this channel",
    invite: "Invite kenpin",
    messageTo: (name) => `Message ${name}`,
    reply: "Reply…",
    send: "Send",
    attach: "Attach photos",
    removePhoto: (name) => `Remove ${name}`,
    dropHere: (name) => `Drop photos to send them to ${name}`,
    dropThread: "Drop photos into this thread",
    hint: "Enter sends, Shift + Enter starts a new line",
    tray: "Photo tray",
    trayHint: "Drag a photo into the channel, or click to attach it",
    trayEmpty: "The tray folder holds no photos.",
    attachNamed: (name) => `Attach ${name}`,
    thread: "Thread",
    closeThread: "Close thread",
    replies: (n) => (n === 1 ? "1 reply" : `${n} replies`),
    lastReply: (when) => `last reply ${when}`,
    replyInThread: "Reply in thread",
    react: (name) => `React with ${name}`,
    reactions: (name, n, who) => `${name}: ${n}, ${who}`,
    moreReactions: "More reactions and skin tones",
    skinTone: "Skin tone",
    tone: (n) => (n ? `Skin tone ${n}` : "No skin tone"),
    doWith: "What to do with this message",
    edit: "Edit message",
    remove: "Delete message",
    removeAsk: "Delete this message? This cannot be undone.",
    removeYes: "Delete",
    save: "Save",
    cancel: "Cancel",
    edited: "(edited)",
    onlyYou: "Only visible to you",
    deleted: "This message was deleted.",
    newMessages: "New",
    today: "Today",
    yesterday: "Yesterday",
    justNow: "just now",
    minutesAgo: (n) => (n === 1 ? "1 minute ago" : `${n} minutes ago`),
    emptyChannel: (name) => `This is the very beginning of ${name}.`,
    emptyTry: "Drop a photo here and ask a question, for example “@kenpin is this OK?”",
    emptyDm: "Send a photo and ask a question. Nobody else sees this conversation.",
    home: "Home",
    messages: "Messages",
    noHome: "The bot has published no home page.",
    photo: "Photo",
    openPhoto: (name) => `Enlarge ${name}`,
    download: "Download",
    previous: "Previous photo",
    next: "Next photo",
    close: "Close",
    fileGone: "This file was deleted.",
    optional: "(optional)",
    submit: "Submit",
    choose: "Choose…",
    cannotShow: "This part of the message cannot be shown here.",
    failed: (why) => `That did not work: ${why}`,
    reconnecting: "Connection lost. Reconnecting…",
    suggested: "Suggested",
    working: "is working…",
    said: (name, text) => `${name}: ${text}`,
    unread: (n) => `${n} unread`,
    roles: { operator: "operator", approver: "approver", supervisor: "supervisor", visitor: "visitor" },
  },
  ja: {
    skip: "入力欄へ移動",
    youAre: "あなたは",
    channels: "チャンネル",
    directMessages: "ダイレクトメッセージ",
    app: "アプリ",
    language: "English",
    languageLabel: "Switch to English",
    sidebar: "ワークスペース",
    openSidebar: "チャンネルとメンバーを開く",
    closeSidebar: "チャンネルとメンバーを閉じる",
    members: (n) => `メンバー ${n} 人`,
    noBot: "kenpin はこのチャンネルにいません",
    invite: "kenpin を招待",
    messageTo: (name) => `${name} へのメッセージ`,
    reply: "返信する…",
    send: "送信",
    attach: "写真を添付",
    removePhoto: (name) => `${name} を外す`,
    dropHere: (name) => `ここに写真をドロップして ${name} に送る`,
    dropThread: "このスレッドに写真をドロップ",
    hint: "Enter で送信、Shift + Enter で改行",
    tray: "写真トレイ",
    trayHint: "写真をチャンネルにドラッグするか、クリックして添付",
    trayEmpty: "トレイのフォルダーに写真がありません。",
    attachNamed: (name) => `${name} を添付`,
    thread: "スレッド",
    closeThread: "スレッドを閉じる",
    replies: (n) => `${n} 件の返信`,
    lastReply: (when) => `最終返信 ${when}`,
    replyInThread: "スレッドで返信",
    react: (name) => `${name} でリアクション`,
    reactions: (name, n, who) => `${name}：${n} 件、${who}`,
    moreReactions: "他のリアクションと肌の色",
    skinTone: "肌の色",
    tone: (n) => (n ? `肌の色 ${n}` : "標準の色"),
    doWith: "このメッセージの操作",
    edit: "メッセージを編集",
    remove: "メッセージを削除",
    removeAsk: "このメッセージを削除しますか。元に戻せません。",
    removeYes: "削除",
    save: "保存",
    cancel: "キャンセル",
    edited: "（編集済み）",
    onlyYou: "あなただけに表示されています",
    deleted: "このメッセージは削除されました。",
    newMessages: "新着",
    today: "今日",
    yesterday: "昨日",
    justNow: "たった今",
    minutesAgo: (n) => `${n} 分前`,
    emptyChannel: (name) => `${name} はここから始まります。`,
    emptyTry: "写真をここにドロップして質問してください。例：「@kenpin これは良品ですか？」",
    emptyDm: "写真を送って質問してください。この会話は他の人には見えません。",
    home: "ホーム",
    messages: "メッセージ",
    noHome: "ボットのホームはまだありません。",
    photo: "写真",
    openPhoto: (name) => `${name} を拡大`,
    download: "ダウンロード",
    previous: "前の写真",
    next: "次の写真",
    close: "閉じる",
    fileGone: "このファイルは削除されました。",
    optional: "（任意）",
    submit: "送信",
    choose: "選択…",
    cannotShow: "この部分は表示できません。",
    failed: (why) => `うまくいきませんでした：${why}`,
    reconnecting: "接続が切れました。再接続しています…",
    suggested: "候補",
    working: "が作業中です…",
    said: (name, text) => `${name}：${text}`,
    unread: (n) => `未読 ${n} 件`,
    roles: { operator: "作業者", approver: "承認者", supervisor: "監督者", visitor: "来訪者" },
  },
};

const chosen = localStorage.getItem("language");
export let language = chosen ?? (navigator.language.startsWith("ja") ? "ja" : "en");
export let words = WORDS[language];

export function toggleLanguage() {
  language = language === "en" ? "ja" : "en";
  words = WORDS[language];
  localStorage.setItem("language", language);
  applyLanguage();
}

export function applyLanguage() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-words]")) element.textContent = words[element.dataset.words];
  document.getElementById("sidebar").setAttribute("aria-label", words.sidebar);
}

const dayOf = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

export function clock(ts) {
  return new Date(Number(ts) * 1000).toLocaleTimeString(language, { hour: "numeric", minute: "2-digit" });
}

export function fullTime(ts) {
  return new Date(Number(ts) * 1000).toLocaleString(language, { dateStyle: "full", timeStyle: "medium" });
}

export function day(ts) {
  const date = new Date(Number(ts) * 1000);
  const ago = Math.round((dayOf(new Date()) - dayOf(date)) / 86_400_000);
  if (ago === 0) return words.today;
  if (ago === 1) return words.yesterday;
  return date.toLocaleDateString(language, { weekday: "long", month: "long", day: "numeric" });
}

export function ago(ts) {
  const minutes = Math.floor((Date.now() / 1000 - Number(ts)) / 60);
  if (minutes < 1) return words.justNow;
  if (minutes < 60) return words.minutesAgo(minutes);
  return `${day(ts)} ${clock(ts)}`;
}
