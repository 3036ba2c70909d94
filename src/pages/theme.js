/* How things look: colours by theme. */

// Okabe and Ito's colours, which the colour-blind can tell apart, made a little darker or lighter for contrast.
const HUES = {
  light: { blue: "#0072b2", orange: "#dd8f00", green: "#00896a", purple: "#b5588f", vermillion: "#c43c00", sky: "#2f9ed8", grey: "#737983", yellow: "#c4b000" },
  dark: { blue: "#4797e8", orange: "#f0ac1c", green: "#22c294", purple: "#e094c3", vermillion: "#f56a35", sky: "#8ed5fa", grey: "#979ea9", yellow: "#f0e442" },
};

function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

const rgb = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

/** Everything that a picture is painted with, in the theme of the moment. */
function readLook() {
  const theme = document.documentElement.dataset.theme;
  const style = getComputedStyle(document.documentElement);
  const names = ["paper", "card", "ink", "quiet", "line", "band", "empty", "owned", "good", "bad", "doubt"];
  const named = names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]);
  const font = (size, weight = 400) => `${weight} ${size}px system-ui, sans-serif`;
  return { theme, hues: HUES[theme], font, ...Object.fromEntries(named) };
}

/**
 * Keeps the theme: as the address or the system has it, until the button says otherwise. What was read with
 * `read` in the theme of the moment is had with the function that is returned.
 */
function followTheme(state, read = readLook) {
  let look, chosen = false;
  function set(theme) {
    document.documentElement.dataset.theme = theme;
    look = read();
    $("theme").textContent = theme === "dark" ? "☀ Light" : "☾ Dark";
    state.set({ theme });
  }
  const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");
  const asked = location.hash.slice(1);
  set(["dark", "light"].includes(asked) ? asked : systemIsDark.matches ? "dark" : "light");
  $("theme").addEventListener("click", () => {
    chosen = true;
    set(look.theme === "dark" ? "light" : "dark");
  });
  systemIsDark.addEventListener("change", ({ matches }) => {
    if (!chosen) set(matches ? "dark" : "light");
  });
  return () => look;
}
