/** Creates the software bill of materials (CycloneDX 1.6, ECMA-424). */
import type { Package } from "./licences.ts";

/** The document for a version of Sallyport and its packages. The same input gives the same text. */
export function cycloneDx(version: string, packages: readonly Package[], direct: readonly string[]): string {
  const reference = (name: string, version: string) => `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
  const known = new Set(packages.map(({ name, version }) => `${name}@${version}`));
  const main = `pkg:generic/sallyport@${version}`;
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        name: "sallyport",
        version,
        "bom-ref": main,
        licenses: [{ license: { id: "MIT" } }],
      },
    },
    components: packages.map(({ name, version, licence, sha512 }) => ({
      type: "library",
      name,
      version,
      "bom-ref": reference(name, version),
      purl: reference(name, version),
      ...(sha512 === "" ? {} : { hashes: [{ alg: "SHA-512", content: sha512 }] }),
      ...(licence === "UNKNOWN" ? {} : {
        licenses: [/ (OR|AND) /.test(licence) ? { expression: licence } : { license: { id: licence } }],
      }),
    })),
    dependencies: [
      {
        ref: main,
        dependsOn: packages.filter((p) => direct.includes(p.name)).map((p) => reference(p.name, p.version)),
      },
      ...packages.map(({ name, version, dependencies }) => ({
        ref: reference(name, version),
        dependsOn: dependencies.filter((id) => known.has(id)).map((id) => {
          const at = id.indexOf("@", 1);
          return reference(id.slice(0, at), id.slice(at + 1));
        }),
      })),
    ],
  };
  return JSON.stringify(document, null, 2) + "\n";
}
