import lock from '../../package-lock.json';

interface Entry {
  link?: boolean;
  integrity?: string;
  resolved?: string;
}

describe('the lock file', () => {
  const packages = Object.entries(lock.packages as Record<string, Entry>).filter(
    ([path, { link }]) => path.startsWith('node_modules/') && !link,
  );

  it('has a checksum for every package, so that nothing else can be installed in its place', () => {
    expect(packages.length).toBeGreaterThan(500);
    expect(packages.filter(([, { integrity }]) => !integrity).map(([path]) => path)).toEqual([]);
  });

  it('names no registry: everybody installs from their own', () => {
    expect(packages.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });
});
