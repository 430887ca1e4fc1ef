import type { Tool } from "../other-languages/languages.ts";
import { languages } from "../other-languages/languages.ts";

/** A client that a generator makes of the OpenAPI document, and a program in the folder of its name that uses it. */
export interface GeneratedClient {
  readonly name: string;
  readonly folder: string;
  readonly needs: readonly Tool[];
  /** Environment of builds and runs. */
  readonly environment: Readonly<Record<string, string>>;
  /** The commands of the build, in a folder with the program. `openapi_generator` and `$DOCUMENT` are given. */
  readonly build: string;
  /** The command that runs the program in that folder. */
  readonly run: string;
}

const [go, python, java] = languages;
if (go === undefined || python === undefined || java === undefined) throw new Error("a language is missing");

/** The generator is a program in Java. */
const generator = { needs: java.needs, environment: java.environment };

/** Defines `openapi_generator`, which comes once from Maven Central into `.cache`. */
export const findGenerator = `
version=7.25.0
jar="$CACHE/openapi-generator-cli-$version.jar"
[ -e "$jar" ] || mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy \\
  -Dartifact=org.openapitools:openapi-generator-cli:$version -DoutputDirectory="$CACHE"
openapi_generator() { java -jar "$jar" generate -i "$DOCUMENT" "$@" > generator.log; }
`;

/** Chooses by the discriminator in place of trying one after the other; default: off, in these generators. */
const byDiscriminator = "useOneOfDiscriminatorLookup=true";

export const generatedClients: readonly GeneratedClient[] = [
  {
    ...generator,
    name: "openapi-generator for Java",
    folder: "java",
    build: `
openapi_generator -g java -o . --additional-properties=library=native,openApiNullable=false,containerDefaultToNull=true,${byDiscriminator}
mv Main.java src/main/java/
mvn -q -B -DskipTests compile org.apache.maven.plugins:maven-dependency-plugin:3.11.0:build-classpath -Dmdep.outputFile=classpath
`,
    run: 'java -cp "target/classes:$(cat classpath)" Main',
  },
  {
    ...generator,
    name: "openapi-generator for Python",
    folder: "python",
    needs: [...generator.needs, ...python.needs],
    build: `
openapi_generator -g python -o generated --additional-properties=packageName=client,${byDiscriminator}
mv generated/client client
python3 -m venv venv
venv/bin/pip install -q -r requirements.txt
`,
    run: "venv/bin/python main.py",
  },
  {
    ...generator,
    name: "openapi-generator for Go",
    folder: "go",
    needs: [...generator.needs, ...go.needs],
    build: `
openapi_generator -g go -o client --package-name client --additional-properties=withGoMod=false,${byDiscriminator}
rm -rf client/test
go build -o main .
`,
    run: "./main",
  },
  {
    ...generator,
    name: "openapi-generator for TypeScript",
    folder: "typescript",
    build: `
openapi_generator -g typescript-fetch -o client --additional-properties=modelPropertyNaming=original,importFileExtension=.js
echo '{"type":"module"}' > package.json
"$TSC" --project .
`,
    run: '"$NODE" dist/main.js',
  },
  {
    name: "openapi-python-client",
    folder: "openapi-python-client",
    needs: python.needs,
    environment: {},
    build: `
python3 -m venv venv
venv/bin/pip install -q -r requirements.txt
venv/bin/openapi-python-client generate --path "$DOCUMENT" --output-path client --meta none
`,
    run: "venv/bin/python main.py",
  },
];
