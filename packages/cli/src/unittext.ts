/** What a unit is made of. Times in ms. */
export interface UnitFacts {
  readonly name: string
  readonly user: string
  /** With its links, so that `current` stays `current`. */
  readonly cwd: string
  /** Of the control socket. */
  readonly control: string
  /** Absolute, and what comes before the command: Node, and this program. */
  readonly endless: readonly string[]
  /** After `start`. */
  readonly words: readonly string[]
  readonly hammerTime: number
  readonly readyTimeout: number
  readonly probation: number
  readonly shutdownDelay: number
  /** Ports and paths that systemd listens on for it. */
  readonly sockets: readonly string[]
}

/** What an upgrade needs is left: the rest of the machine is out of reach. */
const hardening = `
# What the service writes to, beside /run/NAME, stands in ReadWritePaths=, StateDirectory= or LogsDirectory=.
# No MemoryDenyWriteExecute=: V8 compiles at run time, and Node would not start.
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM`

function hardeningOf({ name, cwd, endless }: UnitFacts): string {
  const text = hardening.replace('/run/NAME', `/run/${name}`).trimStart()
  const isTemporary = [cwd, ...endless].some((path) => /^\/(var\/)?tmp\//.test(path))
  return isTemporary
    ? text.replace('PrivateTmp=yes', '# No PrivateTmp=: the service itself lies in /tmp.')
    : text
}

/** Beyond what endless itself waits for, in ms. */
const margin = 15_000

/** Where the control socket of such a service is. */
export function controlOf(name: string): string {
  return `/run/${name}/control.sock`
}

export function serviceUnit(facts: UnitFacts): string {
  const { name, user, cwd, endless, words, sockets } = facts
  const { hammerTime, readyTimeout, probation, shutdownDelay } = facts
  const control = ['--control', facts.control]
  // One worker starts before the others, so that they inherit what it binds.
  const start = 2 * readyTimeout + probation + margin
  const stop = shutdownDelay + Math.max(hammerTime, probation) + margin
  const isRoot = user === 'root'
  return `[Unit]
Description=${plain(name)}
After=network.target${sockets.length > 0 ? ` ${name}.socket\nRequires=${name}.socket` : ''}
# Nothing but a restart helps: never give up.
StartLimitIntervalSec=0

[Service]
Type=notify
# systemd-notify speaks for the service.
NotifyAccess=all
User=${user}
WorkingDirectory=${specifiers(cwd)}
# With its links, which systemd resolves in the working directory itself.
Environment=${assignment(`PWD=${cwd}`)}
Environment=NODE_ENV=production
EnvironmentFile=-/etc/default/${name}
ExecStart=${commandLine([...endless, 'start', ...control, ...words])}
# Ends when the new release has proved itself, and fails where the old one serves on.
ExecReload=${commandLine([...endless, 'reload', '--wait', ...control])}
RuntimeDirectory=${name}
SyslogIdentifier=${name}
Restart=always
RestartSec=1
# The supervisor stops its workers; what is left after it is killed.
KillMode=mixed
TimeoutStartSec=${seconds(start)}
TimeoutStopSec=${seconds(stop)}
# A worker that hangs for so long is replaced; a supervisor that does is restarted with all of it.
WatchdogSec=30
# A worker that the kernel kills for want of memory is replaced: no end of the service.
OOMPolicy=continue
${hardeningOf(facts)}
${isRoot ? '' : capabilities(sockets.length > 0)}
[Install]
WantedBy=multi-user.target
`
}

/** Of the sockets that systemd holds over a restart, and at whose first connection it starts the service. */
export function socketUnit({ name, sockets }: UnitFacts): string {
  return `[Unit]
Description=Sockets of ${plain(name)}

[Socket]
${sockets.map((one) => `ListenStream=${specifiers(one)}`).join('\n')}

[Install]
WantedBy=sockets.target
`
}

/** To bind a port below 1024 takes one; where systemd binds it, none. */
function capabilities(areActivated: boolean): string {
  if (areActivated) return 'CapabilityBoundingSet=\n'
  return '# For ports below 1024.\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n'
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1_000)
}

function plain(text: string): string {
  return specifiers(text.replace(/\p{Cc}/gu, ' '))
}

/** `%` begins a specifier. */
function specifiers(text: string): string {
  return text.replaceAll('%', '%%')
}

/** Each word as one, and as it is: systemd splits at spaces, and replaces `$NAME`. */
function commandLine(words: readonly string[]): string {
  return words.map(word).join(' ')
}

function word(text: string): string {
  // There, and only there, `$NAME` is replaced.
  return assignment(text.replaceAll('$', '$$$$'))
}

function assignment(text: string): string {
  const escaped = specifiers(text)
  if (/^[\w@%+=:,./$-]+$/.test(escaped)) return escaped
  const inside = escaped
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
  return `"${inside}"`
}
