import { expect } from "bun:test";
import path from "node:path";
import type { Check } from "../conformance.ts";
import { secret, type World } from "./world.ts";

const plant = ({ write, home, elsewhere }: World) => {
  write(path.join(home, ".local/bin/tool"), "tool\n");
  write(path.join(home, "notes/diary"), "diary\n");
  write(path.join(elsewhere, "data"), "data\n");
  write(path.join(home, ".config/cordon/config.toml"), "");
  write(path.join(home, ".local/state/cordon/trust"), secret);
  return [`${home}/.local/bin/tool`, `${home}/notes/diary`, `${elsewhere}/data`, `${home}/.local/state/cordon/trust`];
};

const readAll = (files: string[]) => `cat ${files.join(" ")} 2>/dev/null; true`;

/** How much each preset shows. */
export const presetChecks: Check[] = [
  {
    name: "standard, the default, shows tool chains and nothing else of the user's",
    does: async (world) => {
      const files = plant(world);
      for (const flags of [[], ["--preset", "standard"]]) {
        expect((await world.inside(readAll(files), flags)).stdout).toBe("tool\n");
      }
    },
  },
  {
    name: "open shows the host read-only, without cordon's own directories",
    does: async (world) => {
      const files = plant(world);
      const { stdout } = await world.inside(
        `${readAll(files)}; for f in ${files.slice(0, 3).join(" ")}; do (echo x > $f) 2>/dev/null && echo written; done; true`,
        ["--preset", "open"],
      );
      expect(stdout).toBe("tool\ndiary\ndata\n");
    },
  },
  {
    name: "strict with --net none shows the project and the system only",
    does: async (world) => {
      const files = plant(world);
      const { stdout, code } = await world.inside(`${readAll(files)}; ls /usr/bin/env; touch made`, [
        ...["--preset", "strict", "--net", "none"],
      ]);
      expect({ stdout, code }).toEqual({ stdout: "/usr/bin/env\n", code: 0 });
    },
  },
  {
    name: "strict alone has its network filtered, or is refused by name",
    does: async ({ inside }) => {
      const { code, stderr, stdout } = await inside("echo started", ["--preset", "strict"], { mayRefuse: true });
      if (code !== 0) expect({ code, stdout }).toEqual({ code: 125, stdout: "" });
      if (code !== 0) expect(stderr).toMatch(/cannot enforce network-filtered\nhint: /);
    },
  },
  {
    name: "--safe is at least standard, whatever the user's configuration says",
    does: async (world) => {
      const files = plant(world);
      world.write(path.join(world.home, ".config/cordon/config.toml"), 'preset = "open"\n');
      expect((await world.inside(readAll(files))).stdout).toBe("tool\ndiary\ndata\n");
      expect((await world.inside(readAll(files), ["--safe"])).stdout).toBe("tool\n");
    },
  },
];
