// Node's HTTP/2 client: a page, a body both ways, and a WebSocket on the same connection. Prints what it sees as one line of JSON.
import http2 from "node:http2"

const session = http2.connect(process.argv[2], { rejectUnauthorized: false })
const seen = {}

function ask(headers, body) {
    return new Promise((done, failed) => {
        const stream = session.request(headers, { endStream: body === undefined && headers[":protocol"] === undefined })
        let status, size = 0
        stream.on("response", (answer) => { status = answer[":status"] })
        stream.on("data", (data) => { size += data.length })
        stream.on("end", () => done([status, size]))
        stream.on("error", failed)
        if (body !== undefined) stream.end(body)
    })
}

function masked(first, payload) {
    return Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

function talk() {
    return new Promise((done, failed) => {
        const stream = session.request({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/socket", "sec-websocket-version": "13" })
        const heard = []
        stream.on("response", (answer) => {
            heard.push(answer[":status"])
            stream.write(masked(0x81, Buffer.from("hello")))
        })
        stream.on("data", (data) => {
            heard.push(data.toString("latin1"))
            if (data[0] === 0x81) stream.write(masked(0x88, Buffer.from([3, 232])))
        })
        stream.on("end", () => stream.end())
        stream.on("close", () => done([...heard, stream.rstCode]))
        stream.on("error", failed)
    })
}

session.once("remoteSettings", async (settings) => {
    seen.connect = settings.enableConnectProtocol
    seen.page = await ask({ ":path": "/page" })
    seen.upload = await ask({ ":method": "POST", ":path": "/size" }, Buffer.alloc(500_000))
    seen.socket = await talk()
    console.log(JSON.stringify(seen))
    session.close()
})
