// Many bare Baileys sockets in one process, to have something to compare memory with. One JSON
// command a line in, one JSON event a line out. Keys are kept in memory and nowhere else.
//
// usage: node --expose-gc fleet.mjs <folder with node_modules> <ws url> <root key in hex>
//
// Commands: {op: "open", name}  {op: "rest"} collects garbage, then tells  {op: "stop"}
import readline from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [folder, wsUrl, rootHex] = process.argv.slice(2)

// The Signal library speaks on standard output, which belongs to the events here.
for (const level of ['log', 'info', 'warn', 'debug']) console[level] = console.error
// Media and version look-ups are not wanted; nothing may leave the machine.
globalThis.fetch = address => Promise.reject(new Error(`refused to leave loopback: ${address}`))

const require = createRequire(`${folder}/`)
const { default: makeWASocket, WA_CERT_DETAILS, initAuthCreds, DisconnectReason } =
  await import(pathToFileURL(require.resolve('baileys')))
const logger = require('pino')({ level: 'silent' })
WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(rootHex, 'hex')

const emit = event => process.stdout.write(`${JSON.stringify(event)}\n`)

// Baileys leaves its own attempts to answer on a connection that just closed without a handler.
process.on('unhandledRejection', error => {
  if (error?.output?.statusCode !== DisconnectReason.connectionClosed) throw error
})

const sockets = new Map()

function memoryKeys() {
  const kept = {}
  return {
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
}

function open(name, creds = initAuthCreds(), keys = memoryKeys()) {
  const socket = makeWASocket({
    auth: { creds, keys },
    waWebSocketUrl: wsUrl,
    logger,
    version: [2, 3000, 1],
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => false,
    markOnlineOnConnect: false
  })
  sockets.set(name, socket)
  socket.ev.on('creds.update', update => Object.assign(creds, update))
  socket.ev.on('connection.update', update => {
    if (update.qr) emit({ event: 'qr', name, qr: update.qr })
    if (update.connection === 'open') emit({ event: 'open', name })
    if (update.connection === 'close') {
      const status = update.lastDisconnect?.error?.output?.statusCode ?? 0
      if (status === DisconnectReason.loggedOut) emit({ event: 'failed', name, error: update.lastDisconnect.error.message })
      else setTimeout(() => open(name, creds, keys), 50)
    }
  })
}

const commands = {
  open: ({ name }) => open(name),
  rest: () => {
    globalThis.gc()
    emit({ event: 'rested' })
  },
  stop: () => process.exit(0)
}

const lines = readline.createInterface({ input: process.stdin })
lines.on('line', line => {
  const command = JSON.parse(line)
  commands[command.op](command)
})
lines.on('close', () => process.exit(0))
emit({ event: 'ready' })
