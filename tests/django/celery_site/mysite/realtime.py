from everywire.django import Everywire

app = Everywire()
app.channel("work", history=1000)


@app.on("end")
async def end() -> None:
    await app.publish("work", {"task": "end"})
