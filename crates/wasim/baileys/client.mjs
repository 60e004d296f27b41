// An unmodified Baileys client, driven over standard input and output: one JSON command a line in,
// one JSON event a line out. It trusts the root key it is given, through the exported setting that
// Baileys checks certificates against.
//
// usage: node client.mjs <ws url> <media host:port> <root key in hex> [folder]
//
// With a folder the session is kept there, as Baileys' own multi-file state does it; else in memory.
//
// Commands: {op: "start", phone?, keepAliveMs?}  connect; with `phone` ask for a pairing code
//           {op: "leave"}                    disconnect and stay away until the next start
//           {op: "send", jid, content, quoted?, id?}  content as Baileys takes it; {media: base64}
//                                            becomes a Buffer, `quoted` is a received message's id
//           {op: "download", id}  {op: "read", keys}  {op: "presence", type, jid}
//           {op: "group", subject, members}  {op: "groupInfo", jid}  {op: "subject", jid, subject}
//           {op: "members", jid, members, action}  {op: "quit", jid}  {op: "stop"}
import http from 'node:http'
import https from 'node:https'
import readline from 'node:readline'
import { createRequire, syncBuiltinESMExports } from 'node:module'

/** How Baileys counts a message that the server refused. */
const REFUSED = 0
const [wsUrl, mediaHost, rootHex, folder] = process.argv.slice(2)

// Baileys builds https addresses for media; the simulator's media host speaks plain HTTP on
// loopback. Nothing else may be reached from here.
const toLoopback = address => {
  const url = new URL(address)
  const known = url.host === mediaHost || url.hostname.endsWith('whatsapp.net')
  if (!known) throw new Error(`refused to leave loopback: ${url.host}`)
  return `http://${mediaHost}${url.pathname}${url.search}`
}
const plainFetch = globalThis.fetch
globalThis.fetch = (address, init) => plainFetch(toLoopback(String(address)), init && { ...init, dispatcher: undefined })
https.request = (options, onResponse) => {
  const [host, port] = mediaHost.split(':')
  return http.request({ ...options, protocol: 'http:', host, hostname: host, port, agent: undefined }, onResponse)
}
// Baileys takes `request` from the module's named exports, which follow only when told.
syncBuiltinESMExports()

// The Signal library speaks on standard output, which belongs to the events here.
for (const level of ['log', 'info', 'warn', 'debug']) console[level] = console.error

const {
  default: makeWASocket, WA_CERT_DETAILS, initAuthCreds, useMultiFileAuthState, BufferJSON, DisconnectReason, downloadMediaMessage
} = await import('baileys')
const pino = createRequire(import.meta.url)('pino')
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootHex, 'hex')

const emit = event => process.stdout.write(JSON.stringify(event, BufferJSON.replacer) + '\n')
const logger = pino({ level: process.env.BAILEYS_LOG ?? 'silent' }, pino.destination(2))

// Baileys leaves its own attempts to answer on a connection that just closed without a handler.
process.on('unhandledRejection', error => {
  if (error?.output?.statusCode !== DisconnectReason.connectionClosed) throw error
})

/** A session that ends with the process. */
function inMemory() {
  const kept = {}
  const keys = {
    get: async (type, ids) => Object.fromEntries(ids.map(id => [id, kept[type]?.[id]]).filter(([, value]) => value)),
    set: async data => {
      for (const [type, entries] of Object.entries(data)) {
        kept[type] ??= {}
        for (const [id, value] of Object.entries(entries)) {
          if (value) kept[type][id] = value
          else delete kept[type][id]
        }
      }
    }
  }
  return { creds: initAuthCreds(), keys, save: async () => {}, settled: async () => {} }
}

/** A session in a folder; `settled` waits for what is being written. */
async function inFolder(path) {
  const { state, saveCreds } = await useMultiFileAuthState(path)
  const writing = new Set()
  const tracked = work => {
    const ended = work.finally(() => writing.delete(ended))
    writing.add(ended)
    return ended
  }
  const keys = { get: state.keys.get, set: data => tracked(state.keys.set(data)) }
  const settled = async () => {
    while (writing.size > 0) await Promise.all(writing)
  }
  return { creds: state.creds, keys, save: () => tracked(saveCreds()), settled }
}

const session = folder ? await inFolder(folder) : inMemory()
const { creds, keys } = session

const sent = new Map()
const received = new Map()
// Connections that were given up on purpose and are not opened again.
const left = new WeakSet()
let socket
let keepAliveIntervalMs = 30_000

function start(phone) {
  let asked = false
  const connection = makeWASocket({
    auth: { creds, keys },
    waWebSocketUrl: wsUrl,
    logger,
    version: [2, 3000, 1],
    syncFullHistory: false,
    markOnlineOnConnect: true,
    keepAliveIntervalMs,
    getMessage: async key => sent.get(key.id)
  })
  socket = connection
  socket.ev.on('creds.update', update => {
    Object.assign(creds, update)
    return session.save()
  })
  socket.ev.on('connection.update', async update => {
    if (update.qr && phone && !asked) {
      asked = true
      try {
        emit({ event: 'pairing-code', code: await socket.requestPairingCode(phone) })
      } catch (error) {
        emit({ event: 'failed', op: 'start', error: error.message })
      }
    } else if (update.qr && !phone) {
      emit({ event: 'qr', qr: update.qr })
    }
    if (update.isNewLogin) emit({ event: 'paired' })
    if (update.connection === 'open') emit({ event: 'open', me: creds.me })
    if (update.connection === 'close') {
      // What it has read and confirmed but not told yet would be dropped with the connection.
      connection.ev.flush()
      const status = update.lastDisconnect?.error?.output?.statusCode ?? 0
      emit({ event: 'close', status, error: update.lastDisconnect?.error?.message ?? '' })
      if (!left.has(connection) && status !== DisconnectReason.loggedOut) setTimeout(() => start(), 50)
    }
  })
  socket.ev.on('messages.upsert', ({ type, messages }) => {
    for (const message of messages) {
      received.set(message.key.id, message)
      emit({ event: 'message', type, key: message.key, pushName: message.pushName, message: message.message ?? null, stub: message.messageStubType ?? null })
      // While Baileys gathers events, what becomes of a message that it has not told yet comes inside it.
      if (message.key.fromMe && message.status === REFUSED) emit({ event: 'update', key: message.key, update: { status: message.status, messageStubParameters: message.messageStubParameters } })
    }
  })
  socket.ev.on('messages.update', updates => {
    for (const { key, update } of updates) emit({ event: 'update', key, update })
  })
  socket.ev.on('messages.reaction', reactions => {
    for (const { key, reaction } of reactions) emit({ event: 'reaction', key, reaction })
  })
  socket.ev.on('message-receipt.update', receipts => {
    for (const { key, receipt } of receipts) emit({ event: 'receipt', key, receipt })
  })
  socket.ev.on('presence.update', ({ id, presences }) => emit({ event: 'presence', id, presences }))
  socket.ev.on('messaging-history.set', ({ chats, messages }) => {
    emit({ event: 'history', chats: chats.map(chat => chat.id), messages: messages.map(({ key, message }) => ({ key, message })) })
  })
  socket.ev.on('groups.update', updates => {
    for (const update of updates) emit({ event: 'group-update', update })
  })
  socket.ev.on('groups.upsert', groups => emit({ event: 'groups', groups }))
  socket.ev.on('group-participants.update', update => emit({ event: 'participants', update }))
}

/** `{media: base64}` anywhere in a content stands for its bytes. */
function withBuffers(content) {
  if (Array.isArray(content)) return content.map(withBuffers)
  if (content && typeof content === 'object') {
    if (typeof content.media === 'string' && Object.keys(content).length === 1) return Buffer.from(content.media, 'base64')
    return Object.fromEntries(Object.entries(content).map(([name, value]) => [name, withBuffers(value)]))
  }
  return content
}

/** A file that the host forgot is asked of the phone once. */
async function download(message) {
  const fetched = () => downloadMediaMessage(message, 'buffer', {})
  try {
    return await fetched()
  } catch (error) {
    if (![404, 410].includes(error.output?.statusCode)) throw error
    await socket.updateMediaMessage(message)
    return fetched()
  }
}

const commands = {
  start: async ({ phone, keepAliveMs }) => {
    keepAliveIntervalMs = keepAliveMs ?? keepAliveIntervalMs
    start(phone)
  },
  leave: async () => {
    left.add(socket)
    socket.end(undefined)
  },
  send: async ({ jid, content, quoted, id }) => {
    const options = { messageId: id, quoted: quoted && received.get(quoted) }
    const message = await socket.sendMessage(jid, withBuffers(content), options)
    sent.set(message.key.id, message.message)
    emit({ event: 'sent', key: message.key, message: message.message })
  },
  read: async ({ keys: which }) => socket.readMessages(which),
  presence: async ({ type, jid }) => socket.sendPresenceUpdate(type, jid),
  group: async ({ subject, members }) => emit({ event: 'group', group: await socket.groupCreate(subject, members) }),
  groupInfo: async ({ jid }) => emit({ event: 'group', group: await socket.groupMetadata(jid) }),
  members: async ({ jid, members, action }) =>
    emit({ event: 'members', result: await socket.groupParticipantsUpdate(jid, members, action) }),
  download: async ({ id }) => {
    const bytes = await download(received.get(id))
    emit({ event: 'downloaded', id, media: bytes.toString('base64') })
  },
  subject: async ({ jid, subject }) => {
    await socket.groupUpdateSubject(jid, subject)
    emit({ event: 'renamed', jid })
  },
  quit: async ({ jid }) => {
    await socket.groupLeave(jid)
    emit({ event: 'left', jid })
  },
  stop: async () => {
    await session.settled()
    process.exit(0)
  }
}

const lines = readline.createInterface({ input: process.stdin })
lines.on('line', async line => {
  const command = JSON.parse(line)
  try {
    await commands[command.op](command)
  } catch (error) {
    emit({ event: 'failed', op: command.op, error: error.stack ?? error.message })
  }
})
lines.on('close', () => process.exit(0))
emit({ event: 'ready' })
