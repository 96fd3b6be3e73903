'use strict';
// A Prisma generator that writes the whole data model (DMMF) with its indexes to a JSON file. The generated
// client carries only a reduced model: no defaults, list flags, native types, foreign keys or indexes, all of
// which the MongoDB connector (src/adapters/prisma-mongodb) needs.

const { mkdir, writeFile } = require('node:fs/promises');
const path = require('node:path');
const { generatorHandler } = require('@prisma/generator-helper');

generatorHandler({
  onManifest: () => ({
    prettyName: 'MongoDB connector data model',
    defaultOutput: '../../generated/datamodel.json',
  }),
  async onGenerate({ generator, dmmf }) {
    const file = generator.output?.value;
    if (!file)
      throw new Error('generator "datamodel" needs an output, e.g. output = "../generated/datamodel.json"');
    const { models, types, enums, indexes } = dmmf.datamodel;
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, `${JSON.stringify({ models, types, enums, indexes }, null, 1)}\n`);
  },
});
