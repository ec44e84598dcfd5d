// What a page can do beyond HTML: switch its colours, and copy addresses and commands.
document.getElementById('theme')?.addEventListener('click', () => {
  const root = document.documentElement;
  const now = root.dataset.theme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  root.dataset.theme = now === 'dark' ? 'light' : 'dark';
  try { localStorage.setItem('theme', root.dataset.theme); } catch { /* storage may be forbidden */ }
});

async function copy(button, text) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'copied';
  } catch {
    button.textContent = 'not allowed';
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if ('copyLink' in button.dataset) copy(button, location.href);
  if ('copyCurl' in button.dataset) copy(button, `curl '${new URL(button.dataset.copyCurl, location.href).href.replaceAll("'", '%27')}'`);
});
