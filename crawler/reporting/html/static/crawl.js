unpacked("data").then((data) => {
  const fetches = new Fetches(data);
  if (!fetches.count) return;
  new Timeline(fetches);
  new Hosts(fetches);
  document.documentElement.dataset.ready = "yes";
});
