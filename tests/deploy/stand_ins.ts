/** Programs of a server that the documents call and that a test has in place of the real ones, as shell scripts. */

export interface StandInPlaces {
  /** In place of `/`. */
  readonly root: string;
  readonly opsPort: number;
}

/**
 * Gives the scripts by name. Each notes its call in `ROOT/calls`. `systemctl` does to the service what systemd would: it hands
 * over the credentials of the unit, runs its `ExecStart` and waits until it is ready; `certbot` renews from `ROOT/renewed`.
 */
export function standIns({ root, opsPort }: StandInPlaces): Record<string, string> {
  const note = `#!/bin/bash\nset -eu\necho "$(basename "$0") $*" >>'${root}/calls'\n`;
  const unit = `${root}/etc/systemd/system/sallyport.service`;
  return {
    journalctl: note,
    nft: note,
    sysctl: note,
    nginx: note,
    certbot: `${note}
[ "$1" = certonly ] || exit 0
cp '${root}'/renewed/* '${root}/etc/letsencrypt/live/ws.example.com/'
RENEWED_LINEAGE='${root}/etc/letsencrypt/live/ws.example.com' '${root}/etc/letsencrypt/renewal-hooks/deploy/sallyport'
`,
    systemctl: `${note}
pid='${root}/pid'
stop() {
  [ -f "$pid" ] || return 0
  kill -TERM "$(cat "$pid")"
  tail --pid="$(cat "$pid")" -f /dev/null
  rm "$pid"
}
start() {
  mkdir -p '${root}/credentials'
  sed -n 's/^LoadCredential=//p' '${unit}' | while IFS=: read -r name file; do
    install -m 0400 "$file" "${root}/credentials/$name"
  done
  command=$(sed -n 's/^ExecStart=//p' '${unit}')
  CREDENTIALS_DIRECTORY='${root}/credentials' $command >>'${root}/log' 2>&1 </dev/null &
  echo $! >"$pid"
  for _ in $(seq 600); do
    if curl -s --fail -o /dev/null http://127.0.0.1:${opsPort}/readyz; then return 0; fi
    kill -0 "$(cat "$pid")" || { cat '${root}/log' >&2; exit 1; }
    sleep 0.1
  done
  echo 'it did not get ready' >&2
  exit 1
}
# As with Type=notify-reload, reload returns when the server has reloaded.
reload() {
  before=$(reloads)
  kill -HUP "$(cat "$pid")"
  for _ in $(seq 600); do
    if [ "$(reloads)" -gt "$before" ]; then return 0; fi
    sleep 0.1
  done
  echo 'it did not reload' >&2
  exit 1
}
reloads() { grep -cE '"event":"config.(reloaded|rejected)"' '${root}/log' || true; }
case "$1" in
  start) start ;;
  stop) stop ;;
  restart) stop; start ;;
  reload) reload ;;
  is-active) [ -f "$pid" ] ;;
esac
`,
  };
}
