// A slider whose positions are `props.stops`; a number beside it takes any value.
const range = element.querySelector("input[type=range]");
const number = element.querySelector("input[type=number]");

function show() {
  const value = props.value;
  const apart = props.stops.map((stop) => Math.abs(stop - value));
  range.value = apart.indexOf(Math.min(...apart));
  range.setAttribute("aria-valuetext", value);
  number.value = value;
}

function choose(value) {
  props.value = value;
  show();
  trigger("input");
}

range.addEventListener("input", () => choose(props.stops[range.valueAsNumber]));
number.addEventListener("change", () => {
  if (number.reportValidity() && Number.isFinite(number.valueAsNumber)) {
    choose(number.valueAsNumber);
  } else {
    show();
  }
});
watch("value", show);
show();
