import { Agenda } from 'agenda';
import { generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { MongoBackend } from '@agendajs/mongo-backend';

describe('packages that ship ES modules only', () => {
  it('load under the test runner', async () => {
    const { publicKey, privateKey } = await generateKeyPair('EdDSA');
    const token = await new SignJWT({ sub: 'u' }).setProtectedHeader({ alg: 'EdDSA' }).sign(privateKey);
    const { payload } = await jwtVerify(token, publicKey);

    expect(payload.sub).toBe('u');
    expect([Agenda.name, MongoBackend.name]).toEqual(['Agenda', 'MongoBackend']);
  });
});
