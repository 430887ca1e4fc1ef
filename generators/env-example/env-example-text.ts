import { type Setting, settings } from "../../src/config/settings.ts";

const head = `# Every setting of Connectory, all optional; docs/configuration.md explains them. Made from src/config/settings.ts by
# \`npm run generate\`: change it there. Docker (--env-file), compose (env_file) and systemd (EnvironmentFile) read this form.
# A secret may be in a file: NAME_FILE=/run/secrets/name in place of NAME.
`;

/** Returns the text of `.env.example`: each setting with its meaning and default, and as a line to uncomment. */
export function envExample(): string {
  return [head, ...settings.map(entryOf)].join("\n");
}

function entryOf(setting: Setting): string {
  const { name, fallback, unset, meaning, example, secret } = setting;
  const holds = fallback === undefined ? (unset ?? "not set") : fallback;
  const notes = [...(secret === true ? [`A secret: also ${name}_FILE.`] : []), `(default: ${holds})`];
  const text = `${meaning} ${notes.join(" ")}`.replaceAll("`", "");
  return `${wrap(text)}\n#${name}=${example ?? fallback ?? ""}\n`;
}

/** Returns the text as comments of at most 120 columns. */
function wrap(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length > 118) lines.push(`# ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
}
