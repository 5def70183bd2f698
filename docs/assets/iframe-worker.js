// Search in pages that are opened from a folder: browsers start no worker from file://, so the
// theme's script of the search runs in a hidden frame, which takes and gives the same messages.
if (location.protocol === "file:") {
  class IFrameWorker extends EventTarget { // by this name the theme knows that it is in a frame
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.inside = frame.contentWindow;
      window.addEventListener("message", (event) => {
        if (event.source === this.inside) {
          this.dispatchEvent(new MessageEvent("message", { data: event.data }));
        }
      });

      const inside = frame.contentDocument;
      this.inside.postMessage = (data) =>
        window.dispatchEvent(new MessageEvent("message", { data, source: this.inside }));
      const load = (source) =>
        new Promise((resolve, reject) => {
          const script = inside.createElement("script");
          script.onload = resolve;
          script.onerror = reject;
          script.src = source;
          inside.body.append(script);
        });
      this.inside.importScripts = async (...sources) => {
        for (const source of sources) await load(source);
      };
      this.ready = load(url);
    }

    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      this.inside.frameElement.remove();
    }
  }
  window.IFrameWorker = window.Worker = IFrameWorker;
}
