// Reads one simulation a line, as JSON, and writes one answer a line. Started by simulator.py.
import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

for await (const line of createInterface({ input: process.stdin })) {
  const found = await runSimulation(JSON.parse(line), {})
  const results = found.results ?? (found.result ? [found.result] : [])
  const ignored = results.flatMap((result) => result.ignoredContextKeys ?? [])
  const answer = found.resultType === 'error' ? { errors: found.errors } : { decision: found.overallResult, ignored }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
