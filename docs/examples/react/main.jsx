import { useState } from "react"
import { createRoot } from "react-dom/client"

function Buy() {
  const [variant] = useState(() => window.lamed?.variant("button color"))
  return <button className={variant} onClick={() => window.lamed?.complete("button clicked")}>Buy</button>
}

createRoot(document.getElementById("app")).render(<Buy />)
