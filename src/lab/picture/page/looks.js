/* How messages and clients look, besides what all pages have. */

const CLIENT_HUES = ["orange", "sky", "green", "yellow", "blue", "vermillion", "purple"];

const DASHES = { solid: [], dashed: [5, 3], dotted: [1.5, 2.5] };

const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"].map(channels);

function viridis(share) {
  const at = clamp(share, 0, 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return VIRIDIS[low].map((value, i) => Math.round(value + (VIRIDIS[low + 1][i] - value) * (at - low)));
}

/** The look of the moment, with the colours of the clients of a run. */
function readRunLook(clients) {
  const look = readLook();
  const clientChannels = (rank) => {
    if (clients <= CLIENT_HUES.length) return channels(look.hues[CLIENT_HUES[rank - 1]] ?? look.hues.grey);
    const share = (rank - 1) / (clients - 1);
    // The end of the scale that is nearest to the paper is left out.
    return viridis(look.theme === "dark" ? 0.2 + 0.8 * share : 0.93 * share);
  };
  return { ...look, clientChannels, client: (rank) => rgb(clientChannels(rank)) };
}
