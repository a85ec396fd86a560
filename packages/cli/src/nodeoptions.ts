/** Those of Node 20, 22, 24 and 26, as far as their value may be a word of its own. */
const withValue: ReadonlySet<string> = new Set(
  `--allow-fs-read --allow-fs-write --build-snapshot-config -C --conditions --cpu-prof-dir
  --cpu-prof-interval --cpu-prof-name --debug-port --diagnostic-dir --disable-proto --disable-warning
  --dns-result-order --env-file --env-file-if-exists --experimental-config-file
  --experimental-default-type --experimental-loader --experimental-policy --experimental-sea-config
  --heap-prof-dir --heap-prof-interval --heap-prof-name --heapsnapshot-near-heap-limit
  --heapsnapshot-signal --icu-data-dir --import --input-type --inspect-port --inspect-publish-uid
  --loader --localstorage-file --max-http-header-size --max-old-space-size-percentage
  --network-family-autoselection-attempt-timeout --openssl-config --policy-integrity
  --redirect-warnings --report-dir --report-directory --report-filename --report-signal -r --require
  --secure-heap --secure-heap-min --snapshot-blob --test-concurrency --test-coverage-branches
  --test-coverage-exclude --test-coverage-functions --test-coverage-include --test-coverage-lines
  --test-global-setup --test-isolation --test-name-pattern --test-reporter
  --test-reporter-destination --test-rerun-failures --test-shard --test-skip-pattern --test-timeout
  --title --tls-cipher-list --tls-keylog --trace-event-categories --trace-event-file-pattern
  --trace-require-module --unhandled-rejections --use-largepages --v8-pool-size --watch-kill-signal
  --watch-path`.split(/\s+/),
)

/** Whether the next word is the value of this option of Node, as in `--import tsx`. */
export function takesValue(option: string): boolean {
  return withValue.has(option)
}
