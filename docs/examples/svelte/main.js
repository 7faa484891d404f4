import { mount } from "svelte"
import Buy from "./Buy.svelte"

mount(Buy, { target: document.getElementById("app") })
